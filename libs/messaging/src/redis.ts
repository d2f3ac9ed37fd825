import { Redis } from 'ioredis';

const RECONNECT_DELAY_MAX_MS = 500;
const retryStrategy = (attempt: number) => Math.min(20 * 2 ** Math.min(attempt, 6), RECONNECT_DELAY_MAX_MS);

/** One command of {@link commandConnection}: adds an entry unless the stream is at its bound; null when it is. */
declare module 'ioredis' {
  interface RedisCommander<Context> {
    addRequest(stream: string, entriesMax: number, message: string): Promise<string | null>;
  }
}

/**
 * For everything that does not block. Commands fail at once while Redis is away instead of waiting in memory: a request
 * that is queued here and sent minutes later would run for a caller who has long had an error. For the same reason
 * nothing is sent again after a broken connection.
 */
export function commandConnection(url: string): Redis {
  return new Redis(url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    enableAutoPipelining: true,
    commandTimeout: 2_000,
    connectTimeout: 2_000,
    retryStrategy,
    scripts: {
      addRequest: {
        numberOfKeys: 1,
        lua: `if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then return nil end
              return redis.call('XADD', KEYS[1], '*', 'm', ARGV[2])`,
      },
    },
  });
}

/** For blocking reads, one connection each: a blocked connection serves nobody else. */
export function readerConnection(url: string): Redis {
  return new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 0, connectTimeout: 2_000, retryStrategy });
}

/** For subscriptions; ioredis subscribes again by itself after a reconnect. */
export function subscriberConnection(url: string): Redis {
  return new Redis(url, { lazyConnect: true, maxRetriesPerRequest: null, connectTimeout: 2_000, retryStrategy });
}

/** Connects, or fails with one line that says where it tried. */
export async function connect(redis: Redis): Promise<void> {
  redis.on('error', () => undefined); // Every command reports its own failure; without a listener ioredis prints each one.
  try {
    await redis.connect();
  } catch (error) {
    redis.disconnect();
    const { host, port } = redis.options;
    throw new Error(`Redis cannot be reached at ${host}:${port}`, { cause: error });
  }
}
