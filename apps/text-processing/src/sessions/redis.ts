import { Redis } from 'ioredis';

const scripts = {
  /**
   * KEYS: session, its lock. ARGV: token of the lock, least time to live in ms, the counter, then fields and values.
   * The counter's new value; 0 without a session, -1 without the lock.
   */
  keepResult: {
    numberOfKeys: 2,
    lua: `
      if redis.call('GET', KEYS[2]) ~= ARGV[1] then return -1 end
      if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
      redis.call('HSET', KEYS[1], unpack(ARGV, 4))
      if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
      return redis.call('HINCRBY', KEYS[1], ARGV[3], 1)`,
  },
  /** KEYS: session. ARGV: ms to add, the most ms to live. The new time to live in ms, -2 without a session. */
  extendSession: {
    numberOfKeys: 1,
    lua: `
      local left = redis.call('PTTL', KEYS[1])
      if left < 0 then return -2 end
      local ttl = math.min(left + tonumber(ARGV[1]), tonumber(ARGV[2]))
      redis.call('PEXPIRE', KEYS[1], ttl)
      return ttl`,
  },
  /** KEYS: lock. ARGV: token, lease in ms. */
  renewLock: {
    numberOfKeys: 1,
    lua: `return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('PEXPIRE', KEYS[1], ARGV[2]) or 0`,
  },
  /** KEYS: lock. ARGV: token. */
  releaseLock: {
    numberOfKeys: 1,
    lua: `return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1]) or 0`,
  },
};

declare module 'ioredis' {
  interface RedisCommander<Context> {
    keepResult(
      session: string,
      lock: string,
      token: string,
      ttlMs: number,
      counter: string,
      ...fields: string[]
    ): Promise<number>;
    extendSession(session: string, addedMs: number, ttlMaxMs: number): Promise<number>;
    renewLock(lock: string, token: string, leaseMs: number): Promise<number>;
    releaseLock(lock: string, token: string): Promise<number>;
  }
}

/** Commands fail at once while Redis is away. */
export function sessionConnection(url: string): Redis {
  return new Redis(url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: 2_000,
    scripts,
  });
}
