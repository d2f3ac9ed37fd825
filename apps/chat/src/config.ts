import {
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
import { z } from 'zod';

const variables = z.object({
  ...httpVariables,
  ...redisVariables,
  ...postgresVariables,
  ...logVariables,
  ...replicaVariables,
  /** Running answers and everyone who follows one or waits for one take a slot, and do little while they have it. */
  REPLICA_SLOTS: integer({ min: 1, max: 10_000 }).default(512),
  REQUEST_TIMEOUT_MS: integer({ min: 1_000 }).default(300_000),
  CHAT_WAIT_MS: integer({ min: 0, max: 600_000 }).default(30_000),
  CHAT_GRACE_MS: integer({ min: 1_000, max: 600_000 }).default(60_000),
  CHAT_REPLAY_MS: integer({ min: 10_000, max: 86_400_000 }).default(600_000),
  CHAT_CONTEXT_TOKENS_MAX: integer({ min: 512 }).default(32_768),
  CHAT_RETENTION_DAYS: integer({ min: 0, max: 36_500 }).default(0),
  /** Without any, nothing that was generated is ever sent. */
  CHAT_DISPATCH_HOSTS: z
    .string()
    .transform((list) => list.split(',').map((host) => host.trim()))
    .pipe(
      z.array(
        z.string().regex(/^[^\s/:@]+(:\d{1,5})?$|^\[[0-9a-fA-F:]+\](:\d{1,5})?$/, 'must be hosts, separated by commas'),
      ),
    )
    .default([]),
  CHAT_DISPATCH_ALLOW_PRIVATE: flag().default(false),
  CHAT_DISPATCH_ATTEMPTS_MAX: integer({ min: 1, max: 20 }).default(6),
  CHAT_DISPATCH_BACKOFF_MS: integer({ min: 1, max: 600_000 }).default(2_000),
  CHAT_DISPATCH_TIMEOUT_MS: integer({ min: 100, max: 60_000 }).default(10_000),
});

export const variableNames = Object.keys(variables.shape);

export const loadChatConfig = (environment: Environment = process.env) =>
  loadConfig(
    variables.transform((all) => ({
      http: { port: all.PORT, host: all.HOST },
      redis: { url: all.REDIS_URL },
      postgres: { url: all.DATABASE_URL, poolMax: all.DATABASE_POOL_MAX },
      log: { level: all.LOG_LEVEL },
      replica: { slots: all.REPLICA_SLOTS, queueMax: all.QUEUE_MAX, drainTimeoutMs: all.DRAIN_TIMEOUT_MS },
      requestTimeoutMs: all.REQUEST_TIMEOUT_MS,
      turns: { waitMs: all.CHAT_WAIT_MS, graceMs: all.CHAT_GRACE_MS, replayMs: all.CHAT_REPLAY_MS },
      contextTokensMax: all.CHAT_CONTEXT_TOKENS_MAX,
      retentionDays: all.CHAT_RETENTION_DAYS,
      dispatch: {
        hosts: all.CHAT_DISPATCH_HOSTS,
        allowPrivate: all.CHAT_DISPATCH_ALLOW_PRIVATE,
        timeoutMs: all.CHAT_DISPATCH_TIMEOUT_MS,
        attemptsMax: all.CHAT_DISPATCH_ATTEMPTS_MAX,
        backoffMs: all.CHAT_DISPATCH_BACKOFF_MS,
      },
    })),
    environment,
  );

export type ChatConfig = ReturnType<typeof loadChatConfig>;
