import type { RedisOptions } from 'ioredis';

/** Microseconds on Redis's own clock, the same for every replica; exact in a double. */
const NOW = `
  local function now()
    local time = redis.call('TIME')
    return time[1] * 1000000 + time[2]
  end`;

/** Entries and their places in both indexes go together; in slices, because unpack has a bound. */
const DROP = `
  local function drop(entries, recent, expiring)
    for i = 1, #entries, 1000 do
      local slice = {unpack(entries, i, math.min(i + 999, #entries))}
      redis.call('DEL', unpack(slice))
      redis.call('ZREM', recent, unpack(slice))
      redis.call('ZREM', expiring, unpack(slice))
    end
  end`;

/**
 * Each of these is one step that nothing can come between: the bound holds at every moment, two replicas never both lead,
 * and nothing that was cleared comes back. All keys have one hash tag.
 */
export const cacheScripts = {
  /** KEYS: entry, flight, recent, generation. ARGV: our token, its lease in ms. A hit, the lead, or a flight of others. */
  cacheLookUp: {
    numberOfKeys: 4,
    lua: `${NOW}
      local value = redis.call('GET', KEYS[1])
      if value then
        redis.call('ZADD', KEYS[3], 'XX', now(), KEYS[1])
        return {'hit', value}
      end
      if not redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return {'wait', ''} end
      return {'lead', redis.call('GET', KEYS[4]) or '0'}`,
  },
  /** KEYS: entry, flight, recent, expiring, generation. ARGV: answer, its life in ms, bound, generation, our token. */
  cacheKeep: {
    numberOfKeys: 5,
    lua: `${NOW}${DROP}
      if redis.call('GET', KEYS[2]) == ARGV[5] then redis.call('DEL', KEYS[2]) end
      if (redis.call('GET', KEYS[5]) or '0') ~= ARGV[4] then return 0 end
      local time, bound = now(), tonumber(ARGV[3])
      redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
      redis.call('ZADD', KEYS[3], time, KEYS[1])
      redis.call('ZADD', KEYS[4], time + ARGV[2] * 1000, KEYS[1])
      redis.call('PEXPIRE', KEYS[3], ARGV[2])
      redis.call('PEXPIRE', KEYS[4], ARGV[2])
      if redis.call('ZCARD', KEYS[3]) > bound then
        drop(redis.call('ZRANGE', KEYS[4], '-inf', time, 'BYSCORE'), KEYS[3], KEYS[4])
        local surplus = redis.call('ZCARD', KEYS[3]) - bound
        if surplus > 0 then drop(redis.call('ZRANGE', KEYS[3], 0, surplus - 1), KEYS[3], KEYS[4]) end
      end
      return 1`,
  },
  /** KEYS: flight. ARGV: our token, its lease in ms. */
  cacheRenew: {
    numberOfKeys: 1,
    lua: `
      if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
      return redis.call('PEXPIRE', KEYS[1], ARGV[2])`,
  },
  /** KEYS: flight. ARGV: our token. */
  cacheRelease: {
    numberOfKeys: 1,
    lua: `
      if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
      return redis.call('DEL', KEYS[1])`,
  },
  /** KEYS: recent, expiring, generation. ARGV: what the entries begin with. How many were there. */
  cacheClear: {
    numberOfKeys: 3,
    lua: `${DROP}
      redis.call('INCR', KEYS[3])
      local cleared, entries = 0, {}
      for _, entry in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
        if string.sub(entry, 1, #ARGV[1]) == ARGV[1] then
          cleared = cleared + redis.call('EXISTS', entry)
          entries[#entries + 1] = entry
        end
      end
      drop(entries, KEYS[1], KEYS[2])
      return cleared`,
  },
} satisfies RedisOptions['scripts'];

declare module 'ioredis' {
  interface RedisCommander<Context> {
    cacheLookUp(
      entry: string,
      flight: string,
      recent: string,
      generation: string,
      token: string,
      leaseMs: number,
    ): Promise<['hit' | 'wait' | 'lead', string]>;
    cacheKeep(
      entry: string,
      flight: string,
      recent: string,
      expiring: string,
      generation: string,
      answer: string,
      ttlMs: number,
      entriesMax: number,
      generationSeen: string,
      token: string,
    ): Promise<number>;
    cacheRenew(flight: string, token: string, leaseMs: number): Promise<number>;
    cacheRelease(flight: string, token: string): Promise<number>;
    cacheClear(recent: string, expiring: string, generation: string, prefix: string): Promise<number>;
  }
}
