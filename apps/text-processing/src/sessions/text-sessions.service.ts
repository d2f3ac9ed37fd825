import { AppError, isAppError } from '@tollgate/contracts';
import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { sessionConnection } from './redis.js';
import { SessionLock } from './session-lock.js';
import { sessionNotFound, TextSession, type Counter } from './text-session.js';

export const TEXT_SESSIONS_OPTIONS = Symbol('TextSessionsOptions');

export interface TextSessionsOptions {
  redisUrl: string;
  /** Since the last result. */
  ttlSeconds: number;
  ttlSecondsMax: number;
}

interface Result {
  model: string;
  output: string;
}

/** The right to change one session. */
export interface HeldSession {
  /** As it was when the hold began. */
  session: TextSession;
  /**
   * Makes a result the current one and counts it; resolves with the count. Raises `not_found` when the session is gone,
   * and `unavailable` when the hold was lost: a holder that stood still does not overwrite what came after it.
   */
  keep(counter: Counter, result: Result): Promise<number>;
  release(): Promise<void>;
}

/**
 * The texts that can still be refined, in Redis, under the account that they belong to: to any other account an id is one
 * that does not exist.
 */
@Injectable()
export class TextSessions implements OnModuleInit, OnApplicationShutdown {
  private readonly redis: Redis;

  constructor(@Inject(TEXT_SESSIONS_OPTIONS) private readonly options: TextSessionsOptions) {
    this.redis = sessionConnection(options.redisUrl);
  }

  async onModuleInit(): Promise<void> {
    this.redis.on('error', () => undefined); // Every command reports its own failure.
    await this.redis.connect();
  }

  onApplicationShutdown(): void {
    this.redis.disconnect();
  }

  async create(accountId: string, session: TextSession): Promise<void> {
    const key = keyOf(accountId, session.request_id);
    const fields = Object.fromEntries(Object.entries(session).filter(([, value]) => value !== undefined));
    await this.reach(this.redis.multi().hset(key, fields).pexpire(key, this.ttlMs).exec());
  }

  /** Raises `not_found`. */
  async get(accountId: string, requestId: string): Promise<{ session: TextSession; ttlSeconds: number }> {
    const key = keyOf(accountId, requestId);
    const [fields, ttlMs] = await this.reach(Promise.all([this.redis.hgetall(key), this.redis.pttl(key)]));
    if (Object.keys(fields).length === 0) throw sessionNotFound();
    return { session: TextSession.parse(fields), ttlSeconds: Math.max(0, Math.ceil(ttlMs / 1_000)) };
  }

  /** Raises `not_found`. */
  async delete(accountId: string, requestId: string): Promise<void> {
    if ((await this.reach(this.redis.del(keyOf(accountId, requestId)))) === 0) throw sessionNotFound();
  }

  /** Resolves with the seconds that the session has now. Raises `not_found`. */
  async extend(accountId: string, requestId: string, seconds: number): Promise<number> {
    const ttlMaxMs = this.options.ttlSecondsMax * 1_000;
    const ttlMs = await this.reach(this.redis.extendSession(keyOf(accountId, requestId), seconds * 1_000, ttlMaxMs));
    if (ttlMs < 0) throw sessionNotFound();
    return Math.ceil(ttlMs / 1_000);
  }

  /**
   * Waits until nobody else changes the session, and keeps others waiting until {@link HeldSession.release}.
   * Raises `not_found`, or the reason of the signal.
   */
  async hold(accountId: string, requestId: string, signal: AbortSignal): Promise<HeldSession> {
    const key = keyOf(accountId, requestId);
    await this.get(accountId, requestId); // An unknown id needs no lock.
    const lock = await this.reach(SessionLock.acquire(this.redis, `${key}:lock`, signal), signal);
    try {
      // Read only now: whoever held it before may have changed it.
      const { session } = await this.get(accountId, requestId);
      return {
        session,
        keep: (counter, result) => this.reach(this.keep(key, lock, counter, result)),
        release: () => lock.release(),
      };
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  private async keep(key: string, lock: SessionLock, counter: Counter, { model, output }: Result): Promise<number> {
    const fields = ['current_result', output, 'model', model, 'updated_at', new Date().toISOString()];
    const count = await this.redis.keepResult(key, lock.key, lock.token, this.ttlMs, counter, ...fields);
    if (count === 0) throw sessionNotFound();
    if (count > 0) return count;
    throw new AppError('unavailable', 'The session was changed by somebody else meanwhile.', { retryAfterSeconds: 1 });
  }

  private get ttlMs(): number {
    return this.options.ttlSeconds * 1_000;
  }

  private async reach<T>(answer: Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (isAppError(error)) throw error;
      throw new AppError('unavailable', 'The text sessions cannot be reached.', { cause: error, retryAfterSeconds: 1 });
    }
  }
}

function keyOf(accountId: string, requestId: string): string {
  if (!z.uuid().safeParse(requestId).success) throw sessionNotFound();
  return `tollgate:text:{${accountId}}:${requestId}`;
}
