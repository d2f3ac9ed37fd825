import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { overageOf, priceOf, type AttemptEnd, type Hold } from '../src/index.js';
import { completed, startMetering, type MeteringUnderTest } from './metering-under-test.js';

let metering: MeteringUnderTest;

beforeAll(async () => {
  metering = await startMetering();
});
afterAll(() => metering.stop());

const DAY_MS = 86_400_000;

const ends: fc.Arbitrary<AttemptEnd> = fc
  .record({
    input: fc.integer({ min: 0, max: 500 }),
    output: fc.integer({ min: 0, max: 500 }),
    outcome: fc.constantFrom('completed', 'cancelled', 'failed'),
  })
  .map(({ input, output, outcome }) => completed({ outcome, tokens: { input, cached: 0, output } }));

interface Story {
  end: AttemptEnd;
  /** Did its process die, so that it was settled as lost before? */
  isLost: boolean;
  refundsPerMille: number[];
  repeats: number;
}

const stories: fc.Arbitrary<Story> = fc.record({
  end: ends,
  isLost: fc.boolean(),
  refundsPerMille: fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 2 }),
  repeats: fc.integer({ min: 1, max: 3 }),
});

describe('the sums of an account', () => {
  it('are the same in whatever order settlements, late settlements, duplicates and refunds arrive', async () => {
    const dying = metering.newReplica(1);
    await fc.assert(
      fc.asyncProperty(
        fc.array(stories, { minLength: 1, maxLength: 6 }),
        fc.infiniteStream(fc.nat()),
        async (told, order) => {
          const owner = await metering.newAccount(await metering.newPlan({ tokens: 1_000_000 }));
          const holds = await Promise.all(
            told.map(({ isLost }) => (isLost ? dying : metering).holds.take(metering.newHold(owner))),
          );
          await metering.lapsed.end();
          const settlements = told.flatMap(({ end, repeats }, index) =>
            Array.from({ length: repeats }, () => settlementOf(holds[index], end)),
          );
          await Promise.all(shuffled(settlements, order).map((settle) => settle()));
          const refunds = await refundsOf(told, holds);
          await Promise.all(shuffled([...refunds, ...refunds, ...settlements], order).map((work) => work()));

          const paid = told.filter(({ end }) => end.outcome !== 'failed');
          const tokens = paid.reduce((sum, { end }) => sum + end.tokens.input + end.tokens.output, 0);
          const { month } = await metering.usage.forAccount(owner.accountId);
          expect([month.totalTokens, month.heldTokens]).toEqual([tokens, 0]);
          await metering.assertNoDrift();
        },
      ),
      { numRuns: 15 },
    );
  }, 60_000);

  function settlementOf(hold: Hold | undefined, end: AttemptEnd): () => Promise<unknown> {
    if (!hold) throw new Error('a story without its hold');
    return () => metering.ledger.settle(hold, end);
  }

  async function refundsOf(told: readonly Story[], holds: readonly Hold[]): Promise<(() => Promise<unknown>)[]> {
    const charges = await metering.database.usageAttempt.groupBy({
      by: ['callId'],
      where: { callId: { in: holds.map(({ callId }) => callId) } },
      _sum: { chargeMicroUsd: true },
    });
    const chargeOf = new Map(charges.map(({ callId, _sum }) => [callId, _sum.chargeMicroUsd ?? 0n]));
    return told.flatMap(({ refundsPerMille }, index) => {
      const hold = holds[index];
      if (!hold) return [];
      const { callId, attemptNumber } = hold;
      return refundsPerMille.flatMap((perMille) => {
        const microUsd = ((chargeOf.get(callId) ?? 0n) * BigInt(perMille)) / 1_000n;
        const refund = { callId, attemptNumber, correctionId: randomUUID(), reason: 'test', microUsd };
        return microUsd > 0n ? [() => metering.corrections.refund(refund)] : [];
      });
    });
  }
});

describe('rating', () => {
  const plan = fc.record({
    tokensPerMonth: fc.bigInt({ min: 0n, max: 10n ** 9n }),
    overagePrice: fc.bigInt({ min: 0n, max: 10n ** 9n }),
  });

  it('never bills less for more tokens, and nothing within what the plan includes', () => {
    const tokens = fc.bigInt({ min: 0n, max: 10n ** 10n });
    fc.assert(
      fc.property(plan, tokens, tokens, (terms, spent, more) => {
        const bill = (sum: bigint) => overageOf(sum, { ...terms, tokensOverage: 'bill' });
        expect(bill(spent + more).microUsd).toBeGreaterThanOrEqual(bill(spent).microUsd);
        expect(bill(terms.tokensPerMonth).microUsd).toBe(0n);
        expect(overageOf(spent, { ...terms, tokensOverage: 'block' }).microUsd).toBe(0n);
      }),
    );
  });
});

describe('the price of an attempt', () => {
  const price = fc.bigInt({ min: 0n, max: 10n ** 8n });
  const prices = fc.record({ input: price, cachedInput: price, output: price, reasoning: price });
  const count = fc.integer({ min: 0, max: 1_000_000 });
  const parts = fc.record({ fresh: count, cached: count, said: count, thought: count });
  const tokensOf = ({ fresh, cached, said, thought }: Record<'fresh' | 'cached' | 'said' | 'thought', number>) => ({
    input: fresh + cached,
    cached,
    output: said + thought,
    reasoning: thought,
  });

  it('never falls when there is a token more of any kind, and charges each token once', () => {
    fc.assert(
      fc.property(
        prices,
        parts,
        fc.constantFrom('fresh', 'cached', 'said', 'thought'),
        count,
        (each, sent, kind, more) => {
          const before = priceOf(tokensOf(sent), each);
          expect(priceOf(tokensOf({ ...sent, [kind]: sent[kind] + more }), each)).toBeGreaterThanOrEqual(before);
          const { fresh, cached, said, thought } = sent;
          const exact =
            BigInt(fresh) * each.input +
            BigInt(cached) * each.cachedInput +
            BigInt(said) * each.output +
            BigInt(thought) * each.reasoning;
          expect(before * 1_000_000n - exact).toBeGreaterThanOrEqual(0n);
          expect(before * 1_000_000n - exact).toBeLessThan(1_000_000n);
        },
      ),
    );
  });
});

describe('the month of an account', () => {
  /** What a person would say, written down the slow way. */
  function monthOf(anchor: number, on: Date): { start: string; end: string } {
    const startIn = (year: number, month: number) => {
      const lastDay = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
      return new Date(Date.UTC(year, month, Math.min(anchor, lastDay)));
    };
    const [year, month] = [on.getUTCFullYear(), on.getUTCMonth()];
    const isBefore = on < startIn(year, month);
    const start = startIn(year, isBefore ? month - 1 : month);
    return {
      start: start.toISOString().slice(0, 10),
      end: startIn(year, isBefore ? month : month + 1)
        .toISOString()
        .slice(0, 10),
    };
  }

  it('begins on its anchor day, or on the last day of a shorter month, in leap years too', async () => {
    const days = fc.integer({ min: 0, max: 366 * 9 }).map((day) => new Date(Date.UTC(2023, 0, 1) + day * DAY_MS));
    const cases = fc.sample(fc.tuple(fc.integer({ min: 1, max: 31 }), days), { numRuns: 2_000, seed: 7 });
    const rows = await metering.database.$queryRaw<{ start: string; end: string }[]>`
      SELECT usage_month_start(anchor, day)::text AS start, usage_month_end(anchor, usage_month_start(anchor, day))::text AS end
      FROM jsonb_to_recordset(${JSON.stringify(cases.map(([anchor, day]) => ({ anchor, day: day.toISOString().slice(0, 10) })))}::jsonb)
        AS item(anchor int, day date)`;
    expect(rows).toEqual(cases.map(([anchor, day]) => monthOf(anchor, day)));
  });

  it('and its day are those in which a call was admitted, even if it ends after midnight', async () => {
    const owner = await metering.newAccount('free', new Date('2026-01-31T12:00:00Z'));
    const at = new Date('2026-02-27T23:59:59.990Z');
    const hold = await metering.holds.take(metering.newHold(owner, { at }));
    expect([hold.monthStart, hold.day]).toEqual(['2026-01-31', '2026-02-27']);
    await metering.ledger.settle(hold, completed({ finishedAt: new Date('2026-02-28T00:00:01Z') }));
    const before = await metering.usage.forAccount(owner.accountId, at);
    expect([before.month.totalTokens, before.day.calls]).toEqual([100, 1]);
    expect(before.month.resetsAt).toEqual(new Date('2026-02-28T00:00:00Z'));
    const after = await metering.usage.forAccount(owner.accountId, new Date('2026-02-28T00:00:00Z'));
    expect([after.month.totalTokens, after.day.calls]).toEqual([0, 0]);
    expect(after.month.resetsAt).toEqual(new Date('2026-03-31T00:00:00Z'));
  });
});

/** The same works, in an order that the property chooses. */
function shuffled<Item>(items: readonly Item[], order: Iterator<number>): Item[] {
  return items
    .map((item) => ({ item, rank: Number(order.next().value) }))
    .toSorted((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}
