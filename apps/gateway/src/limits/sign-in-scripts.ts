const now = `
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)`;

/** After the free attempts to sign in; each further one doubles it. */
const FIRST_WAIT_MS = 5_000;

export const signInScripts = {
  /**
   * Counts an attempt to sign in against every key, unless one of them must still wait.
   *
   * KEYS: counters; then, last, the addresses from which the e-mail's owner has signed in before. ARGV: the address, which
   * counter (from 1) does not hold for a known address, then for each counter: attempts without a wait, longest wait in ms,
   * ms after which it is forgotten. Returns the ms to wait; 0 when the attempt may be made and is counted.
   */
  beginSignIn: {
    lua: `${now}
      local isKnown = redis.call('SISMEMBER', KEYS[#KEYS], ARGV[1]) == 1
      local waitMs = 0
      for i = 1, #KEYS - 1 do
        local blockedUntil = tonumber(redis.call('HGET', KEYS[i], 'until') or '0')
        local holds = not (isKnown and i == tonumber(ARGV[2]))
        if holds and blockedUntil - now > waitMs then waitMs = blockedUntil - now end
      end
      if waitMs > 0 then return waitMs end
      for i = 1, #KEYS - 1 do
        local free, longestMs, keptMs = tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1]), ARGV[3 * i + 2]
        local attempts = redis.call('HINCRBY', KEYS[i], 'attempts', 1)
        if attempts >= free then
          redis.call('HSET', KEYS[i], 'until', now + math.min(longestMs, ${FIRST_WAIT_MS} * 2 ^ math.min(attempts - free, 30)))
        end
        redis.call('PEXPIRE', KEYS[i], keptMs)
      end
      return 0`,
  },
  /** KEYS: as above. ARGV: the address, which counter (from 1) counts only this attempt back, ms to know the address. */
  endSignIn: {
    lua: `
      for i = 1, #KEYS - 1 do
        if i ~= tonumber(ARGV[2]) then redis.call('DEL', KEYS[i])
        elseif redis.call('HINCRBY', KEYS[i], 'attempts', -1) <= 0 then redis.call('DEL', KEYS[i]) end
      end
      redis.call('SADD', KEYS[#KEYS], ARGV[1])
      return redis.call('PEXPIRE', KEYS[#KEYS], ARGV[3])`,
  },
};

declare module 'ioredis' {
  interface RedisCommander<Context> {
    beginSignIn(keyCount: number, ...keysAndArguments: (string | number)[]): Promise<number>;
    endSignIn(keyCount: number, ...keysAndArguments: (string | number)[]): Promise<number>;
  }
}
