import { randomUUID } from 'node:crypto';
import { readBillableMonths } from '@tollgate/metering';
import fc from 'fast-check';
import { rateMonth } from '../src/rate-month.js';
import { startAccounting, type AccountingUnderTest, type Served } from './accounting-under-test.js';

const DAY_MS = 86_400_000;
const FROM = Date.parse('2028-01-31T00:00:00Z');
const MONTHS = ['2028-01-31', '2028-02-29', '2028-03-31', '2028-04-30'];
const UNTIL = '2028-05-31';

let test: AccountingUnderTest;
let plans: string[];

beforeAll(async () => {
  test = await startAccounting();
  plans = await Promise.all([
    test.newPlan({ tokensOverage: 'block', tokensPerMonth: 1_000_000_000n }),
    test.newPlan({ fee: 9_999_999n, tokensPerMonth: 2_000n, overagePrice: 1_234_567n }),
    test.newPlan({ fee: 31_000_001n, tokensPerMonth: 5_000n, overagePricing: 'list_price' }),
  ]);
}, 60_000);
afterAll(() => test.stop());

/** Something that happens to the account on a day; invoices are made as the days pass, so much of it comes late. */
const event = fc.oneof(
  fc.record({
    kind: fc.constant('serve' as const),
    day: fc.nat(115),
    tokens: fc.integer({ min: 1, max: 9_000 }),
    lateDays: fc.nat(60),
  }),
  fc.record({ kind: fc.constant('plan' as const), day: fc.nat(115), plan: fc.nat(2), ms: fc.nat(DAY_MS - 1) }),
  fc.record({ kind: fc.constant('refund' as const), day: fc.nat(140), which: fc.nat(20) }),
  fc.record({
    kind: fc.constant('adjust' as const),
    day: fc.nat(140),
    amount: fc.integer({ min: -20_000_000, max: 5_000_000 }),
  }),
);

const at = (day: number, ms = 0) => new Date(FROM + day * DAY_MS + ms).toISOString();

it('whatever happens in whatever order, all invoices together are what the months cost and what was adjusted', async () => {
  const property = fc.asyncProperty(
    fc.array(event, { minLength: 1, maxLength: 14 }),
    fc.nat(2),
    async (events, first) => {
      const account = await test.newAccount(plans[first] ?? '', at(0));
      const served: Served[] = [];
      let adjusted = 0n;
      const whenKnown = (one: (typeof events)[number]) => one.day + (one.kind === 'serve' ? one.lateDays : 0);
      for (const one of events.toSorted((left, right) => whenKnown(left) - whenKnown(right))) {
        await test.runUntil(account, at(whenKnown(one)));
        switch (one.kind) {
          case 'serve':
            served.push(await test.serve(account, one.tokens, at(one.day, 1)));
            break;
          case 'plan':
            await test.changePlan(account, plans[one.plan] ?? '', at(one.day, one.ms));
            break;
          case 'refund': {
            const attempt = served[one.which];
            const correction = { correctionId: randomUUID(), reason: 'test', microUsd: 1n };
            if (attempt) await test.corrections.refund({ ...attempt, ...correction });
            break;
          }
          case 'adjust':
            if (one.amount === 0) break;
            adjusted += BigInt(one.amount);
            await test.database.accountAdjustment.create({
              data: {
                id: randomUUID(),
                accountId: account,
                amountMicroUsd: BigInt(one.amount),
                reason: 'x',
                createdAt: new Date(at(one.day)),
              },
            });
            break;
          default:
            one satisfies never;
        }
      }
      // Long enough for every change of these months to have come on an invoice.
      await test.runUntil(account, '2028-08-20T00:00:00Z');
      const once = await test.of(account);
      await test.runUntil(account, '2028-08-20T00:00:00Z');
      expect(await test.of(account)).toEqual(once);

      const lines = once.flatMap((invoice) => invoice.lines);
      const sum = (of: typeof lines) => of.reduce((total, line) => total + BigInt(line.amount_micro_usd), 0n);
      const months = await readBillableMonths(test.database, account, new Date(FROM), new Date(UNTIL));
      expect(months.map(({ monthStart }) => monthStart.toISOString().slice(0, 10))).toEqual(MONTHS);
      for (const month of months) {
        const rated = rateMonth(month);
        for (const component of ['fee', 'overage', 'refund'] as const) {
          const billed = lines.filter(
            (line) => line.component === component && line.month_start === month.monthStart.toISOString().slice(0, 10),
          );
          const cost = rated.filter((item) => item.component === component);
          expect(sum(billed)).toBe(cost.reduce((total, item) => total + item.amountMicroUsd, 0n));
        }
      }
      expect(sum(lines.filter(({ component }) => component === 'adjustment'))).toBe(adjusted);
      for (const invoice of once) {
        const total = BigInt(invoice.total_micro_usd);
        expect(total).toBe(sum(invoice.lines));
        expect([total >= 0n, total % 10_000n]).toEqual([true, 0n]);
      }
    },
  );
  await fc.assert(property, { numRuns: 6 });
}, 120_000);

it('more tokens never cost less', () => {
  const part = fc.record({
    tokens: fc.bigInt(0n, 20_000n),
    included: fc.bigInt(0n, 10_000n),
    overage: fc.constantFrom('bill' as const, 'block' as const),
    more: fc.bigInt(0n, 5_000n),
  });
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
      const cost = (isMore: boolean) =>
        rateMonth({
          monthStart: new Date(FROM),
          monthEnd: new Date(FROM + parts.length * DAY_MS),
          refundMicroUsd: 0n,
          segments: parts.map(({ tokens, included, overage, more }, index) => ({
            startsAt: new Date(FROM + index * DAY_MS),
            endsAt: new Date(FROM + (index + 1) * DAY_MS),
            tokens: tokens + (isMore ? more : 0n),
            listChargeMicroUsd: 0n,
            plan: {
              code: 'p',
              version: 1,
              fee: 0n,
              tokensPerMonth: included,
              tokensOverage: overage,
              overagePricing: 'flat',
              overagePrice: 3_000_000n,
              tokensHardCap: 0n,
              callsPerDay: 0,
              requestsPerMinute: 0,
              concurrentRequests: 0,
              maxOutputTokens: 0,
              effectiveFrom: new Date(0),
            },
          })),
        }).reduce((sum, { amountMicroUsd }) => sum + amountMicroUsd, 0n);
      expect(cost(true)).toBeGreaterThanOrEqual(cost(false));
    }),
  );
});
