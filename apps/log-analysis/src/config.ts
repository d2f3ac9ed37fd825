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

const variables = z.object({
  ...httpVariables,
  ...redisVariables,
  ...logVariables,
  ...replicaVariables,
  REQUEST_TIMEOUT_MS: integer({ min: 1_000 }).default(300_000),
  LOG_EVIDENCE_TOKENS_MAX: integer({ min: 256 }).default(6_000),
});

export const variableNames = Object.keys(variables.shape);

export const loadLogAnalysisConfig = (environment: Environment = process.env) =>
  loadConfig(
    variables.transform((all) => ({
      http: { port: all.PORT, host: all.HOST },
      redis: { url: all.REDIS_URL },
      log: { level: all.LOG_LEVEL },
      replica: { slots: all.REPLICA_SLOTS, queueMax: all.QUEUE_MAX, drainTimeoutMs: all.DRAIN_TIMEOUT_MS },
      requestTimeoutMs: all.REQUEST_TIMEOUT_MS,
      evidenceTokensMax: all.LOG_EVIDENCE_TOKENS_MAX,
    })),
    environment,
  );

export type LogAnalysisConfig = ReturnType<typeof loadLogAnalysisConfig>;
