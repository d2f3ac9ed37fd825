import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Redis } from 'ioredis';

/** Every key of a session has one hash tag and so one slot of a cluster. */
export const keys = {
  lock: (sessionId: string) => `tollgate:chat:{${sessionId}}:lock`,
  /** Who waits for the lock, by the time of coming. */
  queue: (sessionId: string) => `tollgate:chat:{${sessionId}}:queue`,
  /** When each of those was last heard of. */
  waiters: (sessionId: string) => `tollgate:chat:{${sessionId}}:waiters`,
  /** The answer as it is written; also the channel that says so. */
  events: (sessionId: string, messageId: string) => `tollgate:chat:{${sessionId}}:events:${messageId}`,
  /** Exists while somebody reads the answer, and for the grace period after. */
  followed: (sessionId: string, messageId: string) => `tollgate:chat:{${sessionId}}:followed:${messageId}`,
  /** Exists when the answer is to stop. */
  stop: (sessionId: string, messageId: string) => `tollgate:chat:{${sessionId}}:stop:${messageId}`,
};

const scripts = {
  /**
   * KEYS: lock, queue, waiters. ARGV: owner, lease, time without a sign of life after which a waiter is dead, 'wait' or
   * 'reject'. 'taken', 'waiting' or 'busy'. First come, first served, by the clock of Redis.
   */
  takeLock: {
    numberOfKeys: 3,
    lua: `
      local owner, lease, deadAfter, mode = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
      local time = redis.call('TIME')
      local now = time[1] * 1000 + math.floor(time[2] / 1000)
      local first = redis.call('ZRANGE', KEYS[2], 0, 0)[1]
      while first and first ~= owner and now - tonumber(redis.call('HGET', KEYS[3], first) or 0) > deadAfter do
        redis.call('ZREM', KEYS[2], first)
        redis.call('HDEL', KEYS[3], first)
        first = redis.call('ZRANGE', KEYS[2], 0, 0)[1]
      end
      if (not first or first == owner) and redis.call('SET', KEYS[1], owner, 'NX', 'PX', lease) then
        redis.call('ZREM', KEYS[2], owner)
        redis.call('HDEL', KEYS[3], owner)
        return 'taken'
      end
      if mode == 'reject' then return 'busy' end
      redis.call('ZADD', KEYS[2], 'NX', time[1] * 1000000 + time[2], owner)
      redis.call('HSET', KEYS[3], owner, now)
      redis.call('PEXPIRE', KEYS[2], deadAfter * 10)
      redis.call('PEXPIRE', KEYS[3], deadAfter * 10)
      return 'waiting'`,
  },
  /** KEYS: lock, queue, waiters. ARGV: owner. Gives up the lock or the place in the queue, whichever it has. */
  leaveLock: {
    numberOfKeys: 3,
    lua: `
      redis.call('ZREM', KEYS[2], ARGV[1])
      redis.call('HDEL', KEYS[3], ARGV[1])
      if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
      redis.call('PUBLISH', KEYS[1], '')`,
  },
  /**
   * KEYS: lock, followed, stop. ARGV: owner, lease. 'lost', 'stopped', 'abandoned' or 'held'. A lock that Redis has
   * forgotten, and that nobody has taken since, is taken again.
   */
  holdLock: {
    numberOfKeys: 3,
    lua: `
      local owner = redis.call('GET', KEYS[1])
      if owner and owner ~= ARGV[1] then return 'lost' end
      redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
      if redis.call('EXISTS', KEYS[3]) == 1 then return 'stopped' end
      if redis.call('EXISTS', KEYS[2]) == 0 then return 'abandoned' end
      return 'held'`,
  },
  /** KEYS: events. ARGV: time to live, id, field, value. An error when the answer is sealed: its id is the last one. */
  appendEvent: {
    numberOfKeys: 1,
    lua: `
      redis.call('XADD', KEYS[1], ARGV[2], ARGV[3], ARGV[4])
      redis.call('PEXPIRE', KEYS[1], ARGV[1])
      redis.call('PUBLISH', KEYS[1], '')`,
  },
};

declare module 'ioredis' {
  interface RedisCommander<Context> {
    takeLock(
      lock: string,
      queue: string,
      waiters: string,
      owner: string,
      leaseMs: number,
      deadAfterMs: number,
      mode: 'wait' | 'reject',
    ): Promise<'taken' | 'waiting' | 'busy'>;
    leaveLock(lock: string, queue: string, waiters: string, owner: string): Promise<null>;
    holdLock(
      lock: string,
      followed: string,
      stop: string,
      owner: string,
      leaseMs: number,
    ): Promise<'lost' | 'stopped' | 'abandoned' | 'held'>;
    appendEvent(events: string, ttlMs: number, id: string, field: string, value: string): Promise<null>;
  }
}

const reconnecting = {
  lazyConnect: true,
  connectTimeout: 2_000,
  retryStrategy: (attempt: number) => Math.min(20 * 2 ** Math.min(attempt, 6), 300),
};
const COMMAND_TIMEOUT_MS = 2_000;

/** The connections of one replica: one for commands, which fail at once while Redis is away, and one that listens. */
@Injectable()
export class ChatRedis implements OnModuleInit, OnApplicationShutdown {
  readonly commands: Redis;
  readonly subscriber: Redis;

  constructor(url: string) {
    const failFast = { enableOfflineQueue: false, maxRetriesPerRequest: 0, commandTimeout: COMMAND_TIMEOUT_MS };
    this.commands = new Redis(url, { ...reconnecting, ...failFast, scripts });
    this.subscriber = new Redis(url, { ...reconnecting, maxRetriesPerRequest: null });
    // Every command reports its own failure; without a listener ioredis prints each one.
    for (const connection of [this.commands, this.subscriber]) connection.on('error', () => undefined);
  }

  async onModuleInit(): Promise<void> {
    await Promise.all([this.commands.connect(), this.subscriber.connect()]);
  }

  async onApplicationShutdown(): Promise<void> {
    this.commands.disconnect();
    this.subscriber.disconnect();
  }
}
