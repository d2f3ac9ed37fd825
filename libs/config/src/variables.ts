import { z } from 'zod';
import { ConfigError } from './load-config.js';

/** A whole number, with bounds that the error message repeats. */
export const integer = (bounds: { min?: number; max?: number } = {}) => {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = bounds;
  const message = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^-?\d+$/, message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message);
};

export const flag = () =>
  z.enum(['true', 'false', '1', '0'], 'must be true or false').transform((value) => value === 'true' || value === '1');

export const url = (...protocols: string[]) =>
  z.string().refine(
    (value) => {
      const parsed = URL.parse(value);
      return parsed !== null && protocols.includes(parsed.protocol.replace(':', ''));
    },
    `must be a URL that starts with ${protocols.map((protocol) => `${protocol}://`).join(' or ')}`,
  );

export const text = () => z.string().min(1);

/**
 * The path of a file, as what `load` makes of the file. Its problems stand under the variable's name, among those of all
 * the other variables.
 */
export const file = <Content>(defaultPath: string, load: (path: string) => Content) =>
  text()
    .default(defaultPath)
    .transform((path, context): Content => {
      try {
        return load(path);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        for (const message of error.problems) context.addIssue({ code: 'custom', message });
        return z.NEVER;
      }
    });

/** Variables that more than one app reads; each app spreads the fragments it needs into its own schema. */
export const httpVariables = {
  PORT: integer({ min: 0, max: 65_535 }),
  HOST: text().default('0.0.0.0'),
};

export const redisVariables = {
  REDIS_URL: url('redis', 'rediss'),
};

export const postgresVariables = {
  DATABASE_URL: url('postgres', 'postgresql'),
  DATABASE_POOL_MAX: integer({ min: 1, max: 500 }).default(10),
};

export const logVariables = {
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal'], 'must be trace, debug, info, warn, error or fatal')
    .default('info'),
};

/** How a replica takes requests from its queue and leaves. */
export const replicaVariables = {
  /** Requests that one replica runs at once. */
  REPLICA_SLOTS: integer({ min: 1, max: 10_000 }).default(64),
  /** Requests of one service waiting and running, over all replicas, before new ones are refused as overloaded. */
  QUEUE_MAX: integer({ min: 1 }).default(10_000),
  /** How long a stopping replica may take to finish what it holds. */
  DRAIN_TIMEOUT_MS: integer({ min: 0 }).default(330_000),
};

/** Where webhooks may go; the app that takes their URLs and the one that calls them must agree. */
export const outboundVariables = {
  /** Private and loopback addresses too, and http. */
  WEBHOOK_ALLOW_PRIVATE: flag().default(false),
  /** Only these hosts, separated by commas, each with or without a port. */
  WEBHOOK_ALLOWED_HOSTS: text()
    .transform((hosts) =>
      hosts
        .split(',')
        .map((host) => host.trim())
        .filter((host) => host !== ''),
    )
    .optional(),
};
