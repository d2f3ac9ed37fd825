import { Redis } from 'ioredis';
import { giveUpUnanswered } from './command-deadline.js';

const RECONNECT_DELAY_MAX_MS = 300;
const retryStrategy = (attempt: number) => Math.min(20 * 2 ** Math.min(attempt, 6), RECONNECT_DELAY_MAX_MS);

/** Shared by all connections. A Redis that is still loading its file is asked again soon, not after its own estimate. */
const reconnecting = { retryStrategy, connectTimeout: 2_000, maxLoadingRetryTime: 100 };

const COMMAND_TIMEOUT_MS = 2_000;
/** How long a read waits for something to come. */
export const BLOCK_MS = 5_000;

/** A stream that nobody writes to and no replica refreshes is forgotten after this. */
export const ABANDONED_AFTER_MS = 3_600_000;

/** Every key of a script belongs to one service and so to one slot of a cluster. */
const scripts = {
  /** Adds each message unless the stream is at its bound; the id of its entry, or '' when refused, for each. */
  addRequests: {
    numberOfKeys: 1,
    lua: `
      local length = redis.call('XLEN', KEYS[1])
      local fresh = length == 0
      local ids = {}
      for i = 2, #ARGV do
        if length >= tonumber(ARGV[1]) then
          ids[i - 1] = ''
        else
          ids[i - 1] = redis.call('XADD', KEYS[1], '*', 'm', ARGV[i])
          length = length + 1
        end
      end
      if fresh then redis.call('PEXPIRE', KEYS[1], ${ABANDONED_AFTER_MS}) end
      return ids`,
  },
  /** KEYS: stream. ARGV: group, ids of entries that are finished. */
  acknowledgeRequests: {
    numberOfKeys: 1,
    lua: `
      local group = table.remove(ARGV, 1)
      redis.call('XACK', KEYS[1], group, unpack(ARGV))
      return redis.call('XDEL', KEYS[1], unpack(ARGV))`,
  },
  /** KEYS: stream. ARGV: group, replica, id of an entry. Only while it is pending for that replica. */
  dropRequest: {
    numberOfKeys: 1,
    lua: `
      if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2]) == 0 then return 0 end
      redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
      return redis.call('XDEL', KEYS[1], ARGV[3])`,
  },
  /** KEYS: fences. ARGV: replica, then a time to live for each. 1 where the fence was free and is now ours. */
  startRequests: {
    lua: `
      local started = {}
      for i = 1, #KEYS do
        started[i] = redis.call('SET', KEYS[i], ARGV[1], 'NX', 'PX', ARGV[i + 1]) and 1 or 0
      end
      return started`,
  },
  /**
   * KEYS: stream, heartbeat of a replica. ARGV: group, that replica, ours, how many, and epoch milliseconds of Redis's
   * clock after which it is too late to decide this. Its pending entries, now ours.
   */
  claimFromDead: {
    numberOfKeys: 2,
    lua: `
      local time = redis.call('TIME')
      if time[1] * 1000 + time[2] / 1000 > tonumber(ARGV[5]) then return {} end
      if redis.call('EXISTS', KEYS[2]) == 1 then return {} end
      local pending = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', ARGV[4], ARGV[2])
      if #pending == 0 then
        redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
        return {}
      end
      local claim = {}
      for i = 1, #pending do claim[i] = pending[i][1] end
      return redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[3], 0, unpack(claim))`,
  },
  /** The id of the last entry of a stream, without what is in it. */
  newestEntry: {
    numberOfKeys: 1,
    lua: `return (redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1] or {})[1]`,
  },
  /** KEYS: stream, our heartbeat. ARGV: group, replica. The last one out takes an empty stream with it. */
  leaveGroup: {
    numberOfKeys: 2,
    lua: `
      redis.call('DEL', KEYS[2])
      if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) > 0 then return 0 end
      redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
      if #redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1]) == 0 and redis.call('XLEN', KEYS[1]) == 0 then
        redis.call('DEL', KEYS[1])
      end
      return 1`,
  },
};

export type Entry = [id: string, fields: string[] | null];

declare module 'ioredis' {
  interface RedisCommander<Context> {
    addRequests(stream: string, entriesMax: number, ...messages: string[]): Promise<string[]>;
    acknowledgeRequests(stream: string, group: string, ...ids: string[]): Promise<number>;
    dropRequest(stream: string, group: string, replica: string, id: string): Promise<number>;
    startRequests(keyCount: number, ...fencesReplicaAndTtls: (string | number)[]): Promise<number[]>;
    claimFromDead(
      stream: string,
      heartbeat: string,
      group: string,
      dead: string,
      ours: string,
      count: number,
      decideUntil: number,
    ): Promise<Entry[]>;
    newestEntry(stream: string): Promise<string | null>;
    leaveGroup(stream: string, heartbeat: string, group: string, replica: string): Promise<number>;
  }
}

/**
 * For everything that does not block. Commands fail at once while Redis is away instead of waiting in memory: a request
 * that is queued here and sent minutes later would run for a caller who has long had an error. For the same reason
 * nothing is sent again after a broken connection.
 */
export function commandConnection(url: string): Redis {
  const redis = new Redis(url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    ...reconnecting,
    scripts,
  });
  giveUpUnanswered(redis, COMMAND_TIMEOUT_MS);
  return redis;
}

/**
 * For blocking reads, one connection each: a blocked connection serves nobody else but what is written before its next read.
 * A read that Redis leaves unanswered for longer than it was asked to block is given up, so that a half-open connection is noticed.
 */
export function readerConnection(url: string): Redis {
  const redis = new Redis(url, {
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    ...reconnecting,
    scripts,
  });
  giveUpUnanswered(redis, BLOCK_MS);
  return redis;
}

/** For subscriptions; ioredis subscribes again by itself after a reconnect. */
export function subscriberConnection(url: string): Redis {
  return new Redis(url, {
    lazyConnect: true,
    maxRetriesPerRequest: null,
    commandTimeout: COMMAND_TIMEOUT_MS,
    ...reconnecting,
  });
}

/**
 * Everything written so far has left this process, so that it reaches Redis even if the process is killed now. False when
 * in doubt: a TLS socket encrypts in its own time.
 */
export function hasSentAll({ status, stream, options }: Redis): boolean {
  return status === 'ready' && options.tls === undefined && stream.writable && stream.writableLength === 0;
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
