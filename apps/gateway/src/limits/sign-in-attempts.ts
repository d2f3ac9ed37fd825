import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { networkOf } from './client-network.js';
import { LimitsRedis } from './limits-redis.js';
import { limitRefusals } from './metrics.js';
import { rateLimitExceeded } from './rate-limit-error.js';

/*
 * Every attempt is counted before the password is looked at, three times: for the pair of address and e-mail, for the
 * e-mail, and for the address. After some free attempts each one doubles the wait until the next, up to a longest one. An attempt
 * during a wait is refused and counts nowhere, so that nobody can lengthen another's wait.
 *
 * The real owner is never locked out for long: the count of the e-mail, which a stranger can drive up, holds for at most
 * half a minute, and not at all for addresses from which the owner has signed in before.
 */
const counters = {
  pair: { free: 5, longestMs: 15 * 60_000, keptMs: 60 * 60_000 },
  email: { free: 20, longestMs: 30_000, keptMs: 60 * 60_000 },
  address: { free: 50, longestMs: 60_000, keptMs: 60 * 60_000 },
};
const [EMAIL, ADDRESS] = [2, 3];
const ADDRESS_KNOWN_MS = 30 * 86_400_000;

interface SignIn {
  email: string;
  address: string;
}

@Injectable()
export class SignInAttempts {
  constructor(private readonly redis: LimitsRedis) {}

  /** Counts an attempt. Raises `rate_limit_exceeded` with the time to wait, and `unavailable` when Redis is away. */
  async begin(signIn: SignIn): Promise<void> {
    const { keys, network } = namesOf(signIn);
    const policies = Object.values(counters).flatMap(({ free, longestMs, keptMs }) => [free, longestMs, keptMs]);
    const waitMs = await this.redis.ask((redis) =>
      redis.beginSignIn(keys.length, ...keys, network, EMAIL, ...policies),
    );
    if (waitMs === 0) return;
    limitRefusals.inc({ limit: 'sign_in' });
    throw rateLimitExceeded('Too many attempts to sign in; wait before the next one.', {
      limit: counters.pair.free,
      limitName: 'sign-in',
      waitMs,
      isWorthRetrying: false,
    });
  }

  /** The password was right: the attempts before are forgotten, and the address is known from now on. */
  async succeed(signIn: SignIn): Promise<void> {
    const { keys, network } = namesOf(signIn);
    await this.redis.ask((redis) => redis.endSignIn(keys.length, ...keys, network, ADDRESS, ADDRESS_KNOWN_MS));
  }
}

/** One slot of a cluster for all of them: sign-ins are few. E-mails do not stand in Redis as such. */
function namesOf({ email, address }: SignIn) {
  const network = networkOf(address);
  const digest = createHash('sha256').update(email).digest('base64url');
  const prefix = 'tollgate:{sign-in}';
  return {
    network,
    keys: [
      `${prefix}:pair:${digest}:${network}`,
      `${prefix}:email:${digest}`,
      `${prefix}:address:${network}`,
      `${prefix}:known:${digest}`,
    ],
  };
}
