import {
  flag,
  httpVariables,
  integer,
  loadConfig,
  logVariables,
  redisVariables,
  replicaVariables,
  text,
  type Environment,
} from '@tollgate/config';
import { TTL_SECONDS_MAX } from '@tollgate/contracts';
import { z } from 'zod';

const variables = z.object({
  ...httpVariables,
  ...redisVariables,
  ...logVariables,
  ...replicaVariables,
  REQUEST_TIMEOUT_MS: integer({ min: 1_000 }).default(300_000),
  /** How long a text can be refined after its last change. */
  TEXT_SESSION_TTL_SECONDS: integer({ min: 60, max: TTL_SECONDS_MAX }).default(7_200),
  /** Of one replica: two must not write to the same files. */
  LLM_LOG_DIR: text().default('logs'),
  LLM_LOG_FILE_BYTES_MAX: integer({ min: 1_024 }).default(10 * 1024 * 1024),
  LLM_LOG_FILES_KEPT: integer({ min: 0, max: 100 }).default(5),
  /** Writes prompts and answers to llm_debug.log. */
  LLM_LOG_PROMPTS: flag().default(false),
});

export const variableNames = Object.keys(variables.shape);

export const loadTextProcessingConfig = (environment: Environment = process.env) =>
  loadConfig(
    variables.transform((all) => ({
      http: { port: all.PORT, host: all.HOST },
      redis: { url: all.REDIS_URL },
      log: { level: all.LOG_LEVEL },
      replica: { slots: all.REPLICA_SLOTS, queueMax: all.QUEUE_MAX, drainTimeoutMs: all.DRAIN_TIMEOUT_MS },
      requestTimeoutMs: all.REQUEST_TIMEOUT_MS,
      sessions: {
        redisUrl: all.REDIS_URL,
        ttlSeconds: all.TEXT_SESSION_TTL_SECONDS,
        ttlSecondsMax: TTL_SECONDS_MAX,
      },
      llmLog: {
        directory: all.LLM_LOG_DIR,
        bytesMax: all.LLM_LOG_FILE_BYTES_MAX,
        keptMax: all.LLM_LOG_FILES_KEPT,
        withPrompts: all.LLM_LOG_PROMPTS,
      },
    })),
    environment,
  );

export type TextProcessingConfig = ReturnType<typeof loadTextProcessingConfig>;
