import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';

/** A holder that died keeps others waiting for this long. */
const LEASE_MS = 5_000;
const RENEW_EVERY_MS = 1_500;
const ASK_AGAIN_MS = { min: 20, spread: 60 };

/** A lease in Redis, renewed while it is held. It may be lost unnoticed: who writes under it must look at it again. */
export class SessionLock {
  private constructor(
    private readonly redis: Redis,
    readonly key: string,
    readonly token: string,
    private readonly renewal: NodeJS.Timeout,
  ) {}

  /** Waits until nobody else holds it, or rejects when the signal aborts. */
  static async acquire(redis: Redis, key: string, signal: AbortSignal): Promise<SessionLock> {
    const token = randomUUID();
    while ((await redis.set(key, token, 'PX', LEASE_MS, 'NX')) === null) {
      await sleep(ASK_AGAIN_MS.min + Math.random() * ASK_AGAIN_MS.spread, undefined, { signal });
    }
    const renew = () => void redis.renewLock(key, token, LEASE_MS).catch(() => undefined); // Told by what is written.
    return new SessionLock(redis, key, token, setInterval(renew, RENEW_EVERY_MS));
  }

  async release(): Promise<void> {
    clearInterval(this.renewal);
    await this.redis.releaseLock(this.key, this.token).catch(() => undefined); // The lease ends by itself.
  }
}
