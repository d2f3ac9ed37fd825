import {
  httpVariables,
  integer,
  loadConfig,
  logVariables,
  redisVariables,
  replicaVariables,
  type Environment,
} from '@tollgate/config';
import { z } from 'zod';

const Variables = z.object({
  ...httpVariables,
  ...redisVariables,
  ...logVariables,
  ...replicaVariables,
  REQUEST_TIMEOUT_MS: integer({ min: 1_000 }).default(300_000),
});

export type TextProcessingConfig = ReturnType<typeof loadTextProcessingConfig>;

export function loadTextProcessingConfig(environment: Environment = process.env) {
  const v = loadConfig(Variables, environment);
  return {
    http: { port: v.PORT, host: v.HOST },
    redis: { url: v.REDIS_URL },
    log: { level: v.LOG_LEVEL },
    replica: { slots: v.REPLICA_SLOTS, queueMax: v.QUEUE_MAX, drainTimeoutMs: v.DRAIN_TIMEOUT_MS },
    requestTimeoutMs: v.REQUEST_TIMEOUT_MS,
  };
}
