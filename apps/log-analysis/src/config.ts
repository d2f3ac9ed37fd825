import {
  httpVariables,
  integer,
  loadConfig,
  logVariables,
  postgresVariables,
  redisVariables,
  replicaVariables,
  type Environment,
} from '@tollgate/config';
import { z } from 'zod';

const variables = z.object({
  ...httpVariables,
  ...redisVariables,
  ...postgresVariables,
  ...logVariables,
  ...replicaVariables,
  REQUEST_TIMEOUT_MS: integer({ min: 1_000 }).default(300_000),
  LOG_EVIDENCE_TOKENS_MAX: integer({ min: 256 }).default(6_000),
  /** Threads of one replica that read uploads. */
  LOG_READERS: integer({ min: 1, max: 64 }).default(2),
  /** Of a job's log, read at once by one thread. */
  LOG_PART_BYTES: integer({ min: 1_024 }).default(16 * 1_024 * 1_024),
  /** For a model to tell what was found; after that it is told without one. */
  LOG_NARRATIVE_TIMEOUT_MS: integer({ min: 100 }).default(120_000),
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
      postgres: { url: all.DATABASE_URL, poolMax: all.DATABASE_POOL_MAX },
      evidenceTokensMax: all.LOG_EVIDENCE_TOKENS_MAX,
      narrativeTimeoutMs: all.LOG_NARRATIVE_TIMEOUT_MS,
      readersMax: all.LOG_READERS,
      partBytesMax: all.LOG_PART_BYTES,
    })),
    environment,
  );

export type LogAnalysisConfig = ReturnType<typeof loadLogAnalysisConfig>;
