import { Database, type Hold as HoldRow } from '@tollgate/database';
import { Injectable } from '@nestjs/common';
import { attemptRow } from './hold.js';
import { HoldEnds } from './hold-ends.js';

const LAPSED_AT_ONCE_MAX = 1_000;

/** The holds that a dead or frozen process left behind. */
@Injectable()
export class LapsedHolds {
  constructor(
    private readonly database: Database,
    private readonly ends: HoldEnds,
  ) {}

  /**
   * Ends those that have lapsed: where the provider may have been called, as a `lost` attempt with what was generated as far as is
   * known, an estimate; else as if never taken. Any number of processes may do it at once, and be killed doing it.
   */
  async end(): Promise<{ settled: number; released: number }> {
    const lapsed = await this.database.hold.findMany({
      where: { leaseUntil: { lt: new Date() } },
      orderBy: { leaseUntil: 'asc' },
      take: LAPSED_AT_ONCE_MAX,
    });
    const priceIds = new Set(lapsed.map(({ priceVersionId }) => priceVersionId));
    const prices = await this.database.priceVersion.findMany({ where: { id: { in: [...priceIds] } } });
    const priceById = new Map(prices.map((price) => [price.id, price]));
    const effects = await Promise.all(
      lapsed.map((row) => {
        const { callId, attemptNumber, accountId } = row;
        // Postgres judges again, with its own clock: it may have been refreshed or ended since it was read.
        const end = { callId, attemptNumber, accountId, onlyLapsed: true };
        if (row.dispatchedAt === null) return this.ends.end(end);
        const price = priceById.get(row.priceVersionId);
        if (!price) throw new Error(`the price version ${row.priceVersionId} of a hold is gone`);
        const attempt = lostAttempt(row, price);
        return this.ends.end({ ...end, attempt, countsCall: attempt.is_counted });
      }),
    );
    return {
      settled: effects.filter((effect) => effect === 'recorded').length,
      released: effects.filter((effect) => effect === 'released').length,
    };
  }
}

function lostAttempt(row: HoldRow, price: Parameters<typeof attemptRow>[0]['price']) {
  const { monthStart, day, tokensInput, tokensGenerated } = row;
  const hold = { ...row, price, tokensOutputMax: 0, monthStart: dateOf(monthStart), day: dateOf(day) };
  return attemptRow(
    { ...hold, isDispatched: true },
    {
      tokens: { input: tokensInput, cached: 0, output: tokensGenerated },
      usageSource: 'estimate',
      outcome: 'lost',
      errorCode: 'replica_lost',
      finishedAt: row.leaseUntil,
    },
  );
}

function dateOf(date: Date): string {
  return date.toISOString().slice(0, 10);
}
