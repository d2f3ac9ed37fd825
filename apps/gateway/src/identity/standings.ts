import { AppError, errorTable, type Caller } from '@tollgate/contracts';
import { asService, Database } from '@tollgate/database';
import { Injectable } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import type { UserWithAccount } from './create-user.js';

/** A changed plan or role is seen by every replica after at most this. */
const CACHE_MS = 1_000;
const CACHED_MAX = 10_000;
/** A Postgres that does not answer must not hold up what can be served without it. */
const ANSWER_WITHIN_MS = 250;

type Standing = Caller | 'gone' | 'suspended';

/** What a user may do as the database has it now, whatever an older token says. */
@Injectable()
export class Standings {
  private readonly cache = new Map<string, { standing: Standing; expiresAt: number }>();
  private readonly reading = new Map<string, Promise<Standing>>();

  constructor(private readonly database: Database) {}

  /** At most a second old. Raises `unauthenticated` when the user does not exist any more, and `account_suspended`. */
  async of(userId: string): Promise<Caller> {
    const cached = this.cache.get(userId);
    return existing(cached && cached.expiresAt > Date.now() ? cached.standing : await this.readOnce(userId));
  }

  /** The same without waiting; undefined when the database must be asked. */
  known(claims: Caller): Caller | undefined {
    const cached = this.cache.get(claims.user_id);
    return cached && cached.expiresAt > Date.now() ? existing(cached.standing) : undefined;
  }

  /** What was known last, else the token's own claims, while Postgres is away: what costs is refused then anyway. */
  async ofToken(claims: Caller): Promise<Caller> {
    const lastKnown = this.cache.get(claims.user_id)?.standing ?? claims;
    const answered = new AbortController();
    const silence = delay(ANSWER_WITHIN_MS, lastKnown, { signal: answered.signal }).catch(() => lastKnown);
    const standing = this.readOnce(claims.user_id).catch(() => lastKnown);
    try {
      return existing(await Promise.race([standing, silence]));
    } finally {
      answered.abort();
    }
  }

  /** Reads many users in one question: for those who are asked about every second. */
  async refresh(userIds: readonly string[]): Promise<void> {
    if (userIds.length === 0) return;
    const askedAt = Date.now();
    const where = { id: { in: [...userIds] } };
    const users = await asService(() => this.database.user.findMany({ where, include: { account: true } }));
    const known = new Map(users.map((user) => [user.id, user]));
    for (const userId of userIds) this.remember(userId, standingOf(known.get(userId)), askedAt);
  }

  /** Requests of one user that come together share one question. */
  private readOnce(userId: string): Promise<Standing> {
    const running = this.reading.get(userId);
    if (running) return running;
    const standing = this.read(userId).finally(() => this.reading.delete(userId));
    this.reading.set(userId, standing);
    return standing;
  }

  private async read(userId: string): Promise<Standing> {
    const askedAt = Date.now();
    const where = { id: userId };
    // For an API key nobody knows the account before this.
    const user = await asService(() => this.database.user.findFirst({ where, include: { account: true } }));
    return this.remember(userId, standingOf(user), askedAt);
  }

  private remember(userId: string, standing: Standing, askedAt: number): Standing {
    if (this.cache.size >= CACHED_MAX) this.dropOld(askedAt);
    this.cache.set(userId, { standing, expiresAt: askedAt + CACHE_MS });
    return standing;
  }

  private dropOld(now: number): void {
    for (const [userId, { expiresAt }] of this.cache) if (expiresAt <= now) this.cache.delete(userId);
    if (this.cache.size >= CACHED_MAX) this.cache.clear();
  }
}

function standingOf(user: UserWithAccount | null | undefined): Standing {
  if (!user) return 'gone';
  if (user.disabledAt || user.account.suspendedAt) return 'suspended';
  return { account_id: user.accountId, user_id: user.id, tier: user.account.planCode, role: user.role };
}

function existing(standing: Standing): Caller {
  if (standing === 'gone') throw new AppError('unauthenticated', 'The user of this token does not exist any more.');
  if (standing === 'suspended') throw new AppError('account_suspended', errorTable.account_suspended.meaning);
  return standing;
}
