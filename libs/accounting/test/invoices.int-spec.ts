import { randomUUID } from 'node:crypto';
import { startAccounting, type AccountingUnderTest } from './accounting-under-test.js';

let test: AccountingUnderTest;

beforeAll(async () => {
  test = await startAccounting();
}, 60_000);
afterAll(() => test.stop());

const summary = (invoice: Awaited<ReturnType<AccountingUnderTest['of']>>[number] | undefined) =>
  invoice?.lines.map(({ component, month_start: month, amount }) => `${component} ${month} ${amount}`);

describe('a month', () => {
  it.each([
    ['2027-01-31', ['2027-01-31', '2027-02-28', '2027-03-31', '2027-04-30']],
    ['2028-01-30', ['2028-01-30', '2028-02-29', '2028-03-30', '2028-04-30']],
    ['2028-01-29', ['2028-01-29', '2028-02-29', '2028-03-29', '2028-04-29']],
    ['2027-01-29', ['2027-01-29', '2027-02-28', '2027-03-29', '2027-04-29']],
    ['2027-11-15', ['2027-11-15', '2027-12-15', '2028-01-15', '2028-02-15']],
  ])('of an account from %s begins on its day, or on the last one of a shorter month', async (from, months) => {
    const account = await test.newAccount(await test.newPlan({ fee: 10_000_000n }), `${from}T13:00:00Z`);
    const fourMonths = new Date(Date.parse(from) + 128 * 86_400_000);
    await test.runUntil(account, fourMonths.toISOString());
    const invoices = await test.of(account);
    expect(invoices.map(({ month_start: start }) => start)).toEqual(months);
    expect(invoices.slice(0, 3).map(({ month_end: end }) => end)).toEqual(months.slice(1));
    expect(invoices.map(({ total, status }) => [total, status])).toEqual(Array(4).fill(['10.00', 'final']));
  });

  it('is a draft for 24 hours, which follows the ledger, and then final', async () => {
    const account = await test.newAccount(await test.newPlan({ fee: 5_000_000n }), '2027-03-10T00:00:00Z');
    expect(await test.invoicing.advance(account, new Date('2027-04-09T23:59:59Z'))).toBe('waiting');
    expect(await test.invoicing.advance(account, new Date('2027-04-10T00:00:00Z'))).toBe('drafted');
    expect((await test.of(account))[0]).toMatchObject({ status: 'draft', number: null, total: '5.00' });
    // The end of an attempt of the last minute.
    await test.serve(account, 501_000, '2027-04-09T23:59:00Z');
    expect(await test.invoicing.advance(account, new Date('2027-04-10T00:30:00Z'))).toBe('waiting');
    expect(await test.invoicing.advance(account, new Date('2027-04-10T01:00:00Z'))).toBe('drafted');
    expect((await test.of(account))[0]).toMatchObject({ status: 'draft', total: '5.50' });
    expect(await test.invoicing.advance(account, new Date('2027-04-11T00:00:00Z'))).toBe('finalized');
    const [invoice, ...others] = await test.of(account);
    expect(others).toEqual([]);
    expect(invoice).toMatchObject({ status: 'final', total: '5.50', number: expect.stringMatching(/^TG-2027-\d{6}$/) });
    expect(invoice?.lines).toMatchObject([
      { component: 'fee', amount: '5.00' },
      { component: 'overage', tokens: 500_000, unit_price_micro_usd_per_million: '1000000', amount: '0.50' },
    ]);
  });

  it('in which nothing is due has no invoice', async () => {
    const account = await test.newAccount(await test.newPlan({ tokensOverage: 'block' }), '2027-03-10T00:00:00Z');
    await test.serve(account, 800, '2027-03-11T00:00:00Z');
    await test.runUntil(account, '2027-08-01T00:00:00Z');
    expect(await test.of(account)).toEqual([]);
  });
});

describe('a change of plan', () => {
  it('divides fee and included tokens by time, and bills what is beyond by the plan of its time', async () => {
    const small = await test.newPlan({ fee: 10_000_000n, tokensPerMonth: 1_000_000n, overagePrice: 1_000_000n });
    const large = await test.newPlan({ fee: 40_000_000n, tokensPerMonth: 3_000_000n, overagePrice: 500_000n });
    const account = await test.newAccount(small, '2027-04-01T00:00:00Z');
    await test.serve(account, 700_000, '2027-04-05T00:00:00Z');
    await test.changePlan(account, large, '2027-04-11T00:00:00Z'); // after 10 of 30 days
    await test.serve(account, 2_000_000, '2027-04-20T00:00:00Z');
    await test.runUntil(account, '2027-05-10T00:00:00Z');
    const [invoice] = await test.of(account);
    // Included: a third of 1 M and two thirds of 3 M, so 366,667 of 2.7 M are beyond, used in the second plan.
    expect(summary(invoice)).toEqual([
      'fee 2027-04-01 3.333333',
      'fee 2027-04-01 26.666667',
      'overage 2027-04-01 0.183334',
      'rounding 2027-04-01 -0.003334',
    ]);
    expect(invoice).toMatchObject({
      total: '30.18',
      lines: [{ plan: small }, { plan: large }, { tokens: 366_667 }, {}],
    });
  });

  it('downwards and back within a month costs each part of it once', async () => {
    const small = await test.newPlan({ fee: 0n, tokensOverage: 'block' });
    const large = await test.newPlan({ fee: 28_000_000n });
    const account = await test.newAccount(large, '2027-02-01T00:00:00Z');
    await test.changePlan(account, small, '2027-02-08T00:00:00Z');
    await test.changePlan(account, large, '2027-02-15T00:00:00Z');
    await test.runUntil(account, '2027-03-10T00:00:00Z');
    const [invoice] = await test.of(account);
    expect(summary(invoice)).toEqual(['fee 2027-02-01 7.00', 'fee 2027-02-01 14.00']);
  });

  it('that was planned for the end of the month leaves no trace in the month before', async () => {
    const [before, after] = [await test.newPlan({ fee: 10_000_000n }), await test.newPlan({ fee: 30_000_000n })];
    const account = await test.newAccount(before, '2027-05-31T00:00:00Z');
    const effectiveAt = new Date('2027-06-30T00:00:00Z');
    await test.database.planChange.create({ data: { accountId: account, planCode: after, effectiveAt } });
    await test.runUntil(account, '2027-08-05T00:00:00Z');
    expect((await test.of(account)).map(summary)).toEqual([['fee 2027-05-31 10.00'], ['fee 2027-06-30 30.00']]);
  });

  it('to a new version of a plan counts from its date on', async () => {
    const code = await test.newPlan({ fee: 10_000_000n });
    const { version: _, ...terms } = await test.database.plan.findFirstOrThrow({ where: { code } });
    const effectiveFrom = new Date('2027-04-16T00:00:00Z');
    await test.database.plan.create({ data: { ...terms, version: 2, fee: 20_000_000n, effectiveFrom } });
    const account = await test.newAccount(code, '2027-04-01T00:00:00Z');
    await test.runUntil(account, '2027-06-05T00:00:00Z');
    expect((await test.of(account)).map(({ total }) => total)).toEqual(['15.00', '20.00']);
  });
});

describe('after an invoice is final', () => {
  it('nobody changes or deletes it, or its lines', async () => {
    const account = await test.newAccount(await test.newPlan({ fee: 1_000_000n }), '2027-03-10T00:00:00Z');
    await test.runUntil(account, '2027-04-20T00:00:00Z');
    const [invoice] = await test.of(account);
    const id = String(invoice?.id);
    for (const statement of [
      `UPDATE invoice SET total_micro_usd = 0 WHERE id = '${id}'`,
      `UPDATE invoice SET status = 'draft' WHERE id = '${id}'`,
      `DELETE FROM invoice WHERE id = '${id}'`,
      `UPDATE invoice_line SET amount_micro_usd = 0 WHERE invoice_id = '${id}'`,
      `DELETE FROM invoice_line WHERE invoice_id = '${id}'`,
      `INSERT INTO invoice_line (invoice_id, position, component, month_start, description, amount_micro_usd)
        VALUES ('${id}', 9, 'fee', now(), '', 1)`,
      `TRUNCATE invoice CASCADE`,
      `TRUNCATE invoice_line`,
    ]) {
      await expect(test.execute(statement)).rejects.toThrow('refused');
    }
    const draft = `INSERT INTO invoice (id, account_id, month_start, month_end, bill_to, total_micro_usd, finalize_after)
      VALUES ('${randomUUID()}', '${account}', '2000-01-01', '2000-02-01', '', 10000, now()) RETURNING id`;
    await test.execute(draft);
    const unequal = `UPDATE invoice SET status = 'final', number = 'x', finalized_at = now() WHERE month_start = '2000-01-01'`;
    await expect(test.execute(unequal)).rejects.toThrow('cannot become final');
    await test.execute(`DELETE FROM invoice WHERE month_start = '2000-01-01'`);
    expect((await test.of(account))[0]).toEqual(invoice);
  });

  it('late settlements, refunds and prices of its month are lines of the next one, each once', async () => {
    const plan = await test.newPlan({ fee: 1_000_000n, tokensPerMonth: 0n, overagePricing: 'list_price' });
    const account = await test.newAccount(plan, '2027-03-10T00:00:00Z');
    const served = await test.serve(account, 1_000_000, '2027-03-20T00:00:00Z');
    const other = await test.serve(account, 1_000_000, '2027-03-21T00:00:00Z');
    await test.runUntil(account, '2027-04-20T00:00:00Z');
    expect(summary((await test.of(account))[0])).toEqual(['fee 2027-03-10 1.00', 'overage 2027-03-10 4.00']);

    await test.serve(account, 500_000, '2027-03-22T00:00:00Z'); // settled weeks late
    const correction = { ...served, correctionId: randomUUID(), reason: 'it was cut off' };
    await test.corrections.refund({ ...correction, microUsd: 250_000n });
    const half = { input: 1_000_000n, cachedInput: 1_000_000n, output: 1_000_000n };
    const [price] = await test.prices.publish([{ provider: 'p', model: 'half', cost: half, charge: half }]);
    if (!price) throw new Error('no price');
    await test.corrections.rerate({ ...other, correctionId: randomUUID(), reason: 'wrong price', price });
    await test.runUntil(account, '2027-06-20T00:00:00Z');
    const [, second, third, ...rest] = await test.of(account);
    expect(rest).toEqual([]);
    // 2.5 M tokens at list prices of 2 + 1 + 1 USD, less the 4 USD that were billed: nothing; so only the refund moves money.
    expect(summary(second)).toEqual(['fee 2027-04-10 1.00', 'refund 2027-03-10 -0.25']);
    expect(second?.lines[1]?.is_late_change).toBe(true);
    expect(summary(third)).toEqual(['fee 2027-05-10 1.00']);
  });

  it('a credit that is larger than an invoice is used up by the next ones', async () => {
    const account = await test.newAccount(await test.newPlan({ fee: 4_000_000n }), '2027-03-10T00:00:00Z');
    const adjustment = { id: randomUUID(), accountId: account, amountMicroUsd: -10_001_234n, reason: 'sorry' };
    await test.database.accountAdjustment.create({ data: { ...adjustment, createdAt: new Date('2027-03-11') } });
    await test.runUntil(account, '2027-07-20T00:00:00Z');
    const invoices = await test.of(account);
    expect(invoices.map(({ total }) => total)).toEqual(['0.00', '0.00', '2.00', '4.00']);
    expect(summary(invoices[0])).toEqual([
      'fee 2027-03-10 4.00',
      'adjustment 2027-03-10 -10.001234',
      'credit_carried 2027-03-10 6.001234',
    ]);
    expect(summary(invoices[2])).toEqual([
      'fee 2027-05-10 4.00',
      'credit_brought 2027-05-10 -2.001234',
      'rounding 2027-05-10 0.001234',
    ]);
    await expect(test.execute(`UPDATE account_adjustment SET reason = 'more'`)).rejects.toThrow('append-only');
  });
});

describe('two replicas at once', () => {
  it('make each invoice once, and number them without gaps', async () => {
    const plan = await test.newPlan({ fee: 1_000_000n });
    const accounts = await Promise.all(Array.from({ length: 20 }, () => test.newAccount(plan, '2031-01-31T00:00:00Z')));
    const now = new Date('2031-03-05T00:00:00Z');
    const steps = await Promise.all([...accounts, ...accounts].map((account) => test.invoicing.advance(account, now)));
    expect(steps.filter((step) => step === 'finalized')).toHaveLength(20);
    expect(steps.filter((step) => step === 'waiting')).toHaveLength(20);
    const invoices = (await Promise.all(accounts.map((account) => test.of(account)))).flat();
    const numbers = invoices.map(({ number }) => String(number)).sort((one, other) => one.localeCompare(other));
    expect(numbers).toEqual(Array.from({ length: 20 }, (_, index) => `TG-2031-${String(index + 1).padStart(6, '0')}`));
    expect(await test.database.webhookEvent.count({ where: { accountId: { in: accounts } } })).toBe(20);
  });
});
