import {
  file,
  flag,
  httpVariables,
  integer,
  loadConfig,
  logVariables,
  postgresVariables,
  redisVariables,
  replicaVariables,
  type Environment,
} from '@tollgate/config';
import { loadPlansFile } from '@tollgate/metering';
import { z } from 'zod';
import { loadModelsFile } from './catalogue/models-file.js';

/** The models file has variables of the environment in it. */
const variablesIn = (environment: Environment) =>
  z.object({
    ...httpVariables,
    ...redisVariables,
    ...postgresVariables,
    ...logVariables,
    ...replicaVariables,
    MODELS_FILE: file('config/models.yaml', (path) => loadModelsFile(path, environment)),
    PLANS_FILE: file('config/plans.yaml', loadPlansFile),
    REQUEST_TIMEOUT_MS: integer({ min: 1_000 }).default(300_000),
    /** When no local model is available, may the cloud models serve plans that do not include them? */
    LAST_RESORT_CLOUD: flag().default(true),
    PROBE_INTERVAL_MS: integer({ min: 100 }).default(10_000),
  });

export const variableNames = Object.keys(variablesIn({}).shape);

export const loadLlmRouterConfig = (environment: Environment = process.env) =>
  loadConfig(
    variablesIn(environment).transform((all) => ({
      http: { port: all.PORT, host: all.HOST },
      redis: { url: all.REDIS_URL },
      postgres: { url: all.DATABASE_URL, poolMax: all.DATABASE_POOL_MAX },
      log: { level: all.LOG_LEVEL },
      replica: { slots: all.REPLICA_SLOTS, queueMax: all.QUEUE_MAX, drainTimeoutMs: all.DRAIN_TIMEOUT_MS },
      requestTimeoutMs: all.REQUEST_TIMEOUT_MS,
      routing: { lastResortCloud: all.LAST_RESORT_CLOUD, probeIntervalMs: all.PROBE_INTERVAL_MS },
      models: all.MODELS_FILE,
      plans: all.PLANS_FILE,
    })),
    environment,
  );

export type LlmRouterConfig = ReturnType<typeof loadLlmRouterConfig>;
