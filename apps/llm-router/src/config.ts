import {
  flag,
  httpVariables,
  integer,
  loadConfig,
  logVariables,
  postgresVariables,
  redisVariables,
  replicaVariables,
  text,
  type Environment,
} from '@tollgate/config';
import { z } from 'zod';
import { loadModelsFile } from './catalogue/models-file.js';

const Variables = z.object({
  ...httpVariables,
  ...redisVariables,
  ...postgresVariables,
  ...logVariables,
  ...replicaVariables,
  MODELS_FILE: text().default('config/models.yaml'),
  PLANS_FILE: text().default('config/plans.yaml'),
  REQUEST_TIMEOUT_MS: integer({ min: 1_000 }).default(300_000),
  /** When no local model is available, may the cloud models serve plans that do not include them? */
  LAST_RESORT_CLOUD: flag().default(true),
  PROBE_INTERVAL_MS: integer({ min: 100 }).default(10_000),
});

export type LlmRouterConfig = ReturnType<typeof loadLlmRouterConfig>;

export function loadLlmRouterConfig(environment: Environment = process.env) {
  const v = loadConfig(Variables, environment);
  return {
    http: { port: v.PORT, host: v.HOST },
    redis: { url: v.REDIS_URL },
    postgres: { url: v.DATABASE_URL, poolMax: v.DATABASE_POOL_MAX },
    log: { level: v.LOG_LEVEL },
    replica: { slots: v.REPLICA_SLOTS, queueMax: v.QUEUE_MAX, drainTimeoutMs: v.DRAIN_TIMEOUT_MS },
    requestTimeoutMs: v.REQUEST_TIMEOUT_MS,
    plansFile: v.PLANS_FILE,
    routing: { lastResortCloud: v.LAST_RESORT_CLOUD, probeIntervalMs: v.PROBE_INTERVAL_MS },
    models: loadModelsFile(v.MODELS_FILE, environment),
  };
}
