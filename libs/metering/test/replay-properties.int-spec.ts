import { randomUUID } from 'node:crypto';
import type { UsageAttempt } from '@tollgate/database';
import fc from 'fast-check';
import { v7 as uuidv7 } from 'uuid';
import { UsageReport, type AttemptEnd } from '../src/index.js';
import { completed, modelPrice, startMetering, type MeteringUnderTest, type Owner } from './metering-under-test.js';

/*
 * The ledger's rows, read in the order in which they were written and added up here, in another language than Postgres did it
 * with: what comes out must be what the counters say.
 */

const DAY_MS = 86_400_000;
const grains = { hour: 3_600_000, day: DAY_MS };

let metering: MeteringUnderTest;

beforeAll(async () => {
  metering = await startMetering();
});
afterAll(() => metering.stop());

interface Story {
  at: Date;
  end: AttemptEnd;
  kind: 'settled' | 'lost' | 'lost, settled late' | 'from the cache';
  correction: 'none' | 'refund' | 'price';
  task: string;
}

/** A leap day, the ends of short months and of a year, and days without anything special. */
const borders = ['2024-02-29', '2024-03-01', '2025-03-01', '2025-05-01', '2026-01-01', '2026-02-28', '2026-06-15'];
const instants = fc
  .tuple(
    fc.constantFrom(...borders),
    fc.constantFrom(-DAY_MS, -1, 0, 1, 3_599_999, DAY_MS),
    fc.integer({ min: -5, max: 5 }),
  )
  .map(([day, offset, jitter]) => new Date(Date.parse(`${day}T00:00:00Z`) + offset + jitter));

const tokens = fc
  .record({
    input: fc.integer({ min: 0, max: 300 }),
    output: fc.integer({ min: 0, max: 300 }),
    cachedPerMille: fc.integer({ min: 0, max: 1_000 }),
    reasoningPerMille: fc.integer({ min: 0, max: 1_000 }),
  })
  .map(({ input, output, cachedPerMille, reasoningPerMille }) => ({
    input,
    output,
    cached: Math.floor((input * cachedPerMille) / 1_000),
    reasoning: Math.floor((output * reasoningPerMille) / 1_000),
  }));

const stories: fc.Arbitrary<Story> = fc.record({
  at: instants,
  end: fc.record({ tokens, outcome: fc.constantFrom('completed', 'cancelled', 'failed') }).map((end) => completed(end)),
  kind: fc.constantFrom('settled', 'settled', 'lost', 'lost, settled late', 'from the cache'),
  correction: fc.constantFrom('none', 'none', 'refund', 'price'),
  task: fc.constantFrom('chat', 'summary'),
});

describe('the rows of an account, replayed', () => {
  it('rebuild its months, days and rollups, over midnights, month ends and leap days, whatever was lost, late or corrected', async () => {
    const dying = metering.newReplica(1);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 27, max: 31 }),
        fc.array(stories, { minLength: 1, maxLength: 8 }),
        async (anchorDay, told) => {
          const plan = await metering.newPlan({ tokens: 1_000_000 });
          const owner = await metering.newAccount(plan, new Date(`2023-12-${anchorDay}T12:00:00Z`));
          for (const story of told) {
            await live(owner, story, story.kind.startsWith('lost') ? dying : metering);
            // What came before is taken over, all that comes now is late.
            await metering.upkeep.advanceTotals();
          }
          const rows = await metering.database.usageAttempt.findMany({
            where: owner,
            orderBy: [{ recordedAt: 'asc' }, { callId: 'asc' }, { entryNumber: 'asc' }],
          });
          const { accountId } = owner;
          const windows = await metering.database.usageWindow.findMany({ where: { accountId } });
          const rollups = await metering.database.usageRollup.findMany({ where: { accountId } });
          expect(replay(rows)).toEqual({
            windows: sorted(
              windows
                .filter(({ spent }) => spent > 0n)
                .map(({ kind, startsOn, spent }) => [`${kind} ${dateOf(startsOn)}`, spent]),
            ),
            rollups: sorted(
              rollups.map((sums) => [
                [
                  sums.grain,
                  sums.startsAt.toISOString(),
                  sums.userId,
                  sums.tier,
                  sums.provider,
                  sums.model,
                  sums.task,
                ].join(' '),
                [
                  sums.attempts,
                  sums.tokensInput,
                  sums.tokensCached,
                  sums.tokensOutput,
                  sums.tokensReasoning,
                  sums.tokensCounted,
                  sums.providerCostMicroUsd,
                  sums.chargeMicroUsd,
                ],
              ]),
            ),
          });
          expect(windows.every(({ held }) => held === 0n)).toBe(true);
        },
      ),
      { numRuns: 12 },
    );
    await metering.assertNoDrift();
  }, 90_000);

  it('rebuild what is reported of all accounts together', async () => {
    const rows = await metering.database.usageAttempt.findMany();
    const report = new UsageReport(metering.database);
    for (const [width, lengthMs] of [
      ['1d', grains.day],
      ['1h', grains.hour],
    ] as const) {
      const range = { start: new Date(Date.UTC(2023, 0, 1)), end: new Date(Date.UTC(2030, 0, 1)) };
      const found = await report.sums({ ...range, width, groupBy: ['task'] });
      const expected = new Map<string, bigint>();
      for (const { startedAt, task, chargeMicroUsd } of rows) {
        const name = `${new Date(Math.floor(startedAt.getTime() / lengthMs) * lengthMs).toISOString()} ${task}`;
        expected.set(name, (expected.get(name) ?? 0n) + chargeMicroUsd);
      }
      const charges = found.map(({ startsAt, group, chargeMicroUsd }): [string, bigint] => [
        `${startsAt.toISOString()} ${group.task}`,
        chargeMicroUsd,
      ]);
      expect(sorted(charges)).toEqual(sorted([...expected]));
    }
    expect(await metering.database.usageTotal.count()).toBeGreaterThan(0);
  });
});

async function live(
  owner: Owner,
  { at, end, kind, correction, task }: Story,
  replica: MeteringUnderTest | ReturnType<MeteringUnderTest['newReplica']>,
) {
  const msecs = at.getTime();
  const request = metering.newHold(owner, { at, task, callId: uuidv7({ msecs }), requestId: uuidv7({ msecs }) });
  const { callId, attemptNumber } = request;
  if (kind === 'from the cache') {
    await replica.ledger.recordCacheHit({ ...request, tokens: end.tokens, startedAt: at, finishedAt: at });
    return;
  }
  const hold = await replica.holds.take(request);
  if (kind !== 'settled') {
    while ((await metering.lapsed.end()).settled === 0);
  }
  if (kind !== 'lost')
    for (const twin of [1, 2]) await replica.ledger.settle(hold, { ...end, finishedAt: new Date(msecs + twin) });
  const asked = { callId, attemptNumber, correctionId: randomUUID(), reason: 'test' };
  if (correction === 'refund') await metering.corrections.refund({ ...asked, microUsd: 1n }).catch(() => undefined);
  if (correction === 'price') {
    const dearer = {
      ...modelPrice,
      model: 'dearer',
      charge: { input: 9_000_000n, cachedInput: 1n, output: 9n, reasoning: 70_000_000n },
    };
    const [price] = await metering.prices.publish([dearer]);
    if (price) await metering.corrections.rerate({ ...asked, price });
  }
}

function replay(rows: readonly UsageAttempt[]) {
  const windows = new Map<string, bigint>();
  const rollups = new Map<string, bigint[]>();
  const calls = new Set<string>();
  const add = (name: string, amount: bigint) => windows.set(name, (windows.get(name) ?? 0n) + amount);
  for (const row of rows) {
    const total = BigInt(row.tokensInput + row.tokensOutput);
    if (row.isCounted) add(`tokens_month ${dateOf(row.monthStart)}`, total);
    if ((row.isCounted || row.isCacheHit) && !calls.has(row.requestId)) {
      calls.add(row.requestId);
      add(`calls_day ${dateOf(row.day)}`, 1n);
    }
    const sign = { attempt: 1n, restatement: 1n, reversal: -1n, adjustment: 0n }[row.entry];
    const amounts = [
      sign,
      ...[row.tokensInput, row.tokensCached, row.tokensOutput, row.tokensReasoning].map(BigInt),
      row.isCounted ? total : 0n,
      row.providerCostMicroUsd,
      row.chargeMicroUsd,
    ];
    for (const [grain, lengthMs] of Object.entries(grains)) {
      const startsAt = new Date(Math.floor(row.startedAt.getTime() / lengthMs) * lengthMs).toISOString();
      const name = [grain, startsAt, row.userId, row.tier, row.provider, row.model, row.task].join(' ');
      const sums = rollups.get(name);
      rollups.set(name, sums ? sums.map((sum, index) => sum + (amounts[index] ?? 0n)) : amounts);
    }
  }
  return { windows: sorted([...windows].filter(([, spent]) => spent > 0n)), rollups: sorted([...rollups]) };
}

const dateOf = (date: Date) => date.toISOString().slice(0, 10);
const sorted = <Value>(entries: [string, Value][]) => entries.toSorted(([a], [b]) => (a < b ? -1 : 1));
