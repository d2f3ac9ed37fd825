/*
 * The counters of one account live in one slot of a cluster, `tollgate:limits:{<account>}:…`, and the clock is Redis' own:
 * processes whose clocks differ still agree.
 *
 * - any: requests of any kind in a fixed window; a generous bound against floods.
 * - minute: the times of the last calls, oldest first, never more than the plan allows. Exact: no border of a window at which
 *   twice as many pass. 300 times take about 3 kB, and only while they are younger than a minute.
 * - day: a hash of the date (days since 1970, UTC) and the calls admitted on it.
 * - running: the calls that run now, scored by when their lease ends unless their process renews it.
 */

const now = `
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)`;

const countAny = `
  local any = redis.call('INCR', KEYS[1])
  if any == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
  anyEndsInMs = redis.call('PTTL', KEYS[1])
  if anyEndsInMs < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]); anyEndsInMs = tonumber(ARGV[2]) end`;

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const DAY_KEPT_MS = 2 * DAY_MS;

export const callScripts = {
  /** KEYS: any. ARGV: requests at most, window in ms. How many there were, and ms until the window ends. */
  countRequest: {
    numberOfKeys: 1,
    lua: `local anyEndsInMs
      ${countAny}
      return { any, anyEndsInMs }`,
  },
  /**
   * Takes one call from every limit of the plan, or nothing from any.
   *
   * KEYS: any, minute, day, running. ARGV: any at most ('' for a call that is no request of a client), window in ms, a minute at
   * most, a day at most, at once at most, lease in ms, id of the call, calls of today for a day that Redis does not know ('' to
   * be asked for it).
   */
  takeCall: {
    numberOfKeys: 4,
    lua: `${now}
      local today = math.floor(now / ${DAY_MS})
      local date = tonumber(redis.call('HGET', KEYS[3], 'date') or '')
      if not date then
        if ARGV[8] == '' then return { 'day_unknown' } end
        redis.call('HSET', KEYS[3], 'date', today, 'calls', ARGV[8])
      elseif date < today then
        redis.call('HSET', KEYS[3], 'date', today, 'calls', 0)
      end
      redis.call('PEXPIRE', KEYS[3], ${DAY_KEPT_MS})
      local anyEndsInMs, isFlood = 0, false
      if ARGV[1] ~= '' then ${countAny}
        isFlood = any > tonumber(ARGV[1])
      end
      local oldest = tonumber(redis.call('LINDEX', KEYS[2], 0) or '')
      while oldest and oldest <= now - ${MINUTE_MS} do
        redis.call('LPOP', KEYS[2])
        oldest = tonumber(redis.call('LINDEX', KEYS[2], 0) or '')
      end
      redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now)

      local minute = redis.call('LLEN', KEYS[2])
      local day = tonumber(redis.call('HGET', KEYS[3], 'calls'))
      local running = redis.call('ZCARD', KEYS[4])
      local verdict = 'admitted'
      if day >= tonumber(ARGV[4]) then verdict = 'day'
      elseif isFlood then verdict = 'any'
      elseif minute >= tonumber(ARGV[3]) then verdict = 'minute'
      elseif running >= tonumber(ARGV[5]) then verdict = 'at_once'
      else
        redis.call('RPUSH', KEYS[2], now)
        redis.call('PEXPIRE', KEYS[2], ${MINUTE_MS})
        redis.call('HINCRBY', KEYS[3], 'calls', 1)
        redis.call('ZADD', KEYS[4], now + ARGV[6], ARGV[7])
        redis.call('PEXPIRE', KEYS[4], ARGV[6])
        minute, day, running = minute + 1, day + 1, running + 1
      end
      local minuteEndsInMs = (oldest or now) + ${MINUTE_MS} - now
      local dayEndsInMs = (today + 1) * ${DAY_MS} - now
      return { verdict, anyEndsInMs, minute, minuteEndsInMs, day, dayEndsInMs, running }`,
  },
  /** KEYS: day, running. ARGV: id of the call, '1' to give the call back to the day. */
  endCall: {
    numberOfKeys: 2,
    lua: `${now}
      local ended = redis.call('ZREM', KEYS[2], ARGV[1])
      local isToday = redis.call('HGET', KEYS[1], 'date') == tostring(math.floor(now / ${DAY_MS}))
      if ARGV[2] == '1' and isToday and tonumber(redis.call('HGET', KEYS[1], 'calls')) > 0 then
        redis.call('HINCRBY', KEYS[1], 'calls', -1)
      end
      return ended`,
  },
  /** KEYS: running. ARGV: lease in ms, ids of calls. Also of those that a Redis without memory has forgotten. */
  renewCalls: {
    numberOfKeys: 1,
    lua: `${now}
      for i = 2, #ARGV do redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[i]) end
      return redis.call('PEXPIRE', KEYS[1], ARGV[1])`,
  },
};

declare module 'ioredis' {
  interface RedisCommander<Context> {
    countRequest(any: string, anyMax: number, windowMs: number): Promise<[any: number, endsInMs: number]>;
    takeCall(
      any: string,
      minute: string,
      day: string,
      running: string,
      anyMax: number | '',
      anyWindowMs: number,
      minuteMax: number,
      dayMax: number,
      atOnceMax: number,
      leaseMs: number,
      callId: string,
      callsOfToday: number | '',
    ): Promise<[verdict: string, ...counts: number[]]>;
    endCall(day: string, running: string, callId: string, giveBack: '0' | '1'): Promise<number>;
    renewCalls(running: string, leaseMs: number, ...callIds: string[]): Promise<number>;
  }
}
