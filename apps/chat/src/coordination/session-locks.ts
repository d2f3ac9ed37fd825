import { AppError } from '@tollgate/contracts';
import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';

import { Bells } from './bells.js';
import { ChatRedis, keys } from './chat-redis.js';
import { metrics } from './metrics.js';

/** How long a lock outlives an owner that has died. */
export const LEASE_MS = 4_000;
/** A waiter gives a sign of life this often, and is passed over when it has given none for three times as long. */
const WAITER_SIGN_MS = 500;

export interface LockOptions {
  /** `reject` raises `session_busy` at once, `wait` after `waitMs`. */
  onConflict: 'wait' | 'reject';
  waitMs: number;
  signal?: AbortSignal;
}

/**
 * One at a time for each session, in the order of asking. A lease is no proof: a process that stands still may
 * believe in a lock that others have had since. So whatever is written under it must pass the fence in Postgres, the number
 * of the turn.
 */
@Injectable()
export class SessionLocks {
  constructor(
    private readonly redis: ChatRedis,
    private readonly bells: Bells,
  ) {}

  async acquire(sessionId: string, { onConflict, waitMs, signal }: LockOptions): Promise<SessionLock> {
    const owner = randomUUID();
    const lock = new SessionLock(this.redis, sessionId, owner);
    const askedAt = Date.now();
    const take = () => this.redis.commands.takeLock(...lock.keys, owner, LEASE_MS, 3 * WAITER_SIGN_MS, onConflict);
    let state = await take();
    if (state === 'waiting') {
      const bell = await this.bells.listen(keys.lock(sessionId));
      try {
        while (state === 'waiting' && Date.now() - askedAt < waitMs) {
          await bell.wait(WAITER_SIGN_MS, signal);
          state = await take();
        }
      } catch (error) {
        await lock.release();
        throw error;
      } finally {
        bell.close();
      }
    }
    metrics.lockWait.observe((Date.now() - askedAt) / 1_000);
    if (state === 'taken') return lock;
    await lock.release();
    throw new AppError('session_busy', 'Another message of this session is being answered.', { retryAfterSeconds: 2 });
  }

  /** Is somebody at work, or was within the last few seconds? */
  async isTaken(sessionId: string): Promise<boolean> {
    return (await this.redis.commands.exists(keys.lock(sessionId))) === 1;
  }
}

export class SessionLock {
  readonly keys: [lock: string, queue: string, waiters: string];

  constructor(
    private readonly redis: ChatRedis,
    readonly sessionId: string,
    private readonly owner: string,
  ) {
    this.keys = [keys.lock(sessionId), keys.queue(sessionId), keys.waiters(sessionId)];
  }

  /** Renews the lease, and says whether the answer that it protects should go on. */
  hold(messageId: string): Promise<'lost' | 'stopped' | 'abandoned' | 'held'> {
    const { redis, sessionId, owner } = this;
    const watched = [keys.followed(sessionId, messageId), keys.stop(sessionId, messageId)] as const;
    return redis.commands.holdLock(keys.lock(sessionId), ...watched, owner, LEASE_MS);
  }

  /** Never rejects: the lease ends by itself. */
  async release(): Promise<void> {
    await this.redis.commands.leaveLock(...this.keys, this.owner).catch(() => undefined);
  }
}
