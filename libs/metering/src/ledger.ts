import { Injectable } from '@nestjs/common';
import { attemptRow, type AttemptEnd, type Hold, type HoldRequest } from './hold.js';
import type { HoldEndEffect } from './hold-end.js';
import { HoldEnds } from './hold-ends.js';

/** An answer out of the cache: the tokens that it would have cost. */
export interface CacheHit extends Omit<HoldRequest, 'tokensInput' | 'tokensOutputMax' | 'isDispatched'> {
  tokens: AttemptEnd['tokens'];
  startedAt: Date;
  finishedAt: Date;
}

/**
 * The append-only ledger of attempts.
 *
 * What it is told is committed when it resolves, and once: telling it again (same call and attempt number) changes nothing. Rows
 * that arrive while a commit is under way share the next one. Everything raises `unavailable` when Postgres stays away for 30 seconds.
 */
@Injectable()
export class Ledger {
  constructor(private readonly ends: HoldEnds) {}

  /**
   * Writes the attempt's row, moves what it held to what was spent, and drops the hold, in one transaction. If the hold has lapsed
   * meanwhile and was settled as lost, its row is corrected.
   */
  settle(hold: Hold, end: AttemptEnd): Promise<HoldEndEffect> {
    const attempt = attemptRow(hold, end);
    return this.ends.end({ ...keyOf(hold), attempt, countsCall: attempt.is_counted });
  }

  /** A row with the tokens of the cached answer, at no cost and no charge; it is a call of the day, and no token of the month. */
  async recordCacheHit({ tokens, startedAt, finishedAt, ...hit }: CacheHit): Promise<void> {
    const day = startedAt.toISOString().slice(0, 10);
    const hold = { ...hit, tokensInput: 0, tokensOutputMax: 0, tier: '', monthStart: '', day, takenAt: startedAt };
    const end: AttemptEnd = { tokens, usageSource: 'provider', outcome: 'completed', finishedAt };
    // Tier and month are the account's own now; the database fills them in.
    const { tier: _tier, month_start: _monthStart, ...row } = attemptRow(hold, end);
    const attempt = {
      ...row,
      is_cache_hit: true,
      is_counted: false,
      provider_cost_micro_usd: '0',
      charge_micro_usd: '0',
    };
    await this.ends.end({ ...keyOf(hold), attempt, countsCall: true });
  }
}

function keyOf({ callId, attemptNumber, accountId }: Hold) {
  return { callId, attemptNumber, accountId };
}
