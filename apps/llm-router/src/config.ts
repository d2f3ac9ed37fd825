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
import { loadPlansFile, planOverrides, tierLimitVariables } from '@tollgate/metering';
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
    ...tierLimitVariables,
    MODELS_FILE: file('config/models.yaml', (path) => ({
      path,
      file: loadModelsFile(path, environment),
      read: () => loadModelsFile(path, environment),
    })),
    MODELS_FILE_INTERVAL_MS: integer({ min: 20 }).default(1_000),
    PLANS_FILE: file('config/plans.yaml', loadPlansFile),
    /** After how long without a sign of life an attempt's process counts as dead. */
    HOLD_LEASE_MS: integer({ min: 1_000 }).default(15_000),
    REQUEST_TIMEOUT_MS: integer({ min: 1_000 }).default(300_000),
    /** When no local model can answer, may the cloud models serve plans that do not include them? */
    LAST_RESORT_CLOUD: flag().default(true),
    /** Seconds. */
    LLM_RESPONSE_CACHE_TTL: integer({ min: 1, max: 86_400 }).default(3_600),
    CACHE_MAX_SIZE: integer({ min: 1, max: 100_000 }).default(1_000),
    CACHE_TEMPERATURE_MAX: z.coerce.number().min(0).max(2).default(0.3),
    /** Without it the cache lies in the Redis of the messages. */
    CACHE_REDIS_URL: redisVariables.REDIS_URL.optional(),
    /** Do batches keep to their plan's requests a minute, a day and at once, as calls do at the gateway? */
    RATE_LIMIT_ENABLED: flag().default(true),
    PROBE_INTERVAL_MS: integer({ min: 100 }).default(30_000),
    /** Calls of one provider at once. */
    MAX_CONCURRENT_REQUESTS: integer({ min: 1 }).default(10),
    /** Calls of all providers at once. */
    PROVIDER_CONNECTIONS_MAX: integer({ min: 1 }).default(100),
    /** Requests that wait for one provider before others are refused as overloaded. */
    PROVIDER_QUEUE_MAX: integer({ min: 1 }).default(1_000),
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
      limits: { enabled: all.RATE_LIMIT_ENABLED },
      routing: { lastResortCloud: all.LAST_RESORT_CLOUD },
      providers: {
        atOncePerProvider: all.MAX_CONCURRENT_REQUESTS,
        atOnceInAll: all.PROVIDER_CONNECTIONS_MAX,
        waitingMax: all.PROVIDER_QUEUE_MAX,
        probeIntervalMs: all.PROBE_INTERVAL_MS,
      },
      cache: {
        redisUrl: all.CACHE_REDIS_URL ?? all.REDIS_URL,
        ttlMs: all.LLM_RESPONSE_CACHE_TTL * 1_000,
        entriesMax: all.CACHE_MAX_SIZE,
        temperatureMax: all.CACHE_TEMPERATURE_MAX,
      },
      models: {
        file: all.MODELS_FILE.file,
        source: {
          path: all.MODELS_FILE.path,
          read: all.MODELS_FILE.read,
          intervalMs: all.MODELS_FILE_INTERVAL_MS,
        },
      },
      plans: all.PLANS_FILE,
      planOverrides: planOverrides(all),
      holdLeaseMs: all.HOLD_LEASE_MS,
    })),
    environment,
  );

export type LlmRouterConfig = ReturnType<typeof loadLlmRouterConfig>;
