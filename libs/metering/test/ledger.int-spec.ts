import { randomUUID } from 'node:crypto';
import { failureOf } from '@tollgate/testing';
import { loadPlansFile, Plans } from '../src/index.js';
import { completed, modelPrice, startMetering, type MeteringUnderTest, type Owner } from './metering-under-test.js';

let metering: MeteringUnderTest;

beforeAll(async () => {
  metering = await startMetering();
});
afterAll(() => metering.stop());
afterEach(() => metering.assertNoDrift());

async function settled(owner: Owner, end = completed()) {
  const hold = await metering.holds.take(metering.newHold(owner));
  await metering.ledger.settle(hold, end);
  return hold;
}

const chargeOf = async (owner: Owner) => {
  const sums = await metering.database.usageAttempt.aggregate({ where: owner, _sum: { chargeMicroUsd: true } });
  return sums._sum.chargeMicroUsd;
};

describe('the ledger', () => {
  it('keeps what an attempt cost us and what it is charged apart, both priced by its version', async () => {
    const owner = await metering.newAccount();
    await settled(owner, completed({ tokens: { input: 1_000, cached: 400, output: 100 } }));
    const [row] = await metering.database.usageAttempt.findMany({ where: owner });
    expect(row).toMatchObject({
      priceVersionId: metering.price.id,
      providerCostMicroUsd: 90n + 30n + 60n,
      chargeMicroUsd: 2n * (90n + 30n + 60n),
    });
  });

  it('prices reasoning tokens as such', async () => {
    const owner = await metering.newAccount();
    const prices = { input: 0n, cachedInput: 0n, output: 1_000_000n, reasoning: 3_000_000n };
    const [price] = await metering.prices.publish([
      { ...modelPrice, model: randomUUID(), cost: prices, charge: prices },
    ]);
    if (!price) throw new Error('no price version');
    const hold = await metering.holds.take(metering.newHold(owner, { price }));
    await metering.ledger.settle(hold, completed({ tokens: { input: 10, cached: 0, output: 40, reasoning: 30 } }));
    expect(await chargeOf(owner)).toBe(10n + 90n);
  });

  it('has an answer from the cache as a row without a charge, which is a call but no token of the month', async () => {
    const owner = await metering.newAccount();
    const now = new Date();
    const hit = {
      ...metering.newHold(owner),
      tokens: { input: 60, cached: 0, output: 40 },
      startedAt: now,
      finishedAt: now,
    };
    await Promise.all([metering.ledger.recordCacheHit(hit), metering.ledger.recordCacheHit(hit)]);
    expect(await metering.database.usageAttempt.findMany({ where: owner })).toMatchObject([
      {
        isCacheHit: true,
        tokensInput: 60,
        tokensOutput: 40,
        chargeMicroUsd: 0n,
        providerCostMicroUsd: 0n,
        tier: 'free',
      },
    ]);
    const { month, day } = await metering.usage.forAccount(owner.accountId);
    expect([month.totalTokens, day.calls]).toEqual([0, 1]);
  });

  it('has every one of a thousand concurrent attempts when they are acknowledged', async () => {
    const owner = await metering.newAccount(await metering.newPlan({ tokens: 1_000_000 }));
    await Promise.all(Array.from({ length: 1_000 }, () => settled(owner)));
    expect(await metering.database.usageAttempt.count({ where: owner })).toBe(1_000);
  });

  it('records the others of a batch when Postgres refuses one', async () => {
    const owner = await metering.newAccount();
    const holds = await Promise.all([1, 2, 3].map(() => metering.holds.take(metering.newHold(owner))));
    const outcomes = await Promise.allSettled(
      holds.map((hold, index) =>
        metering.ledger.settle(
          hold,
          completed({ tokens: { input: index === 1 ? 2 ** 40 : 60, cached: 0, output: 40 } }),
        ),
      ),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    for (const hold of holds) await metering.holds.release(hold);
  });

  it('keeps one row of an attempt in monthly partitions that are made ahead of time', async () => {
    expect(await metering.upkeep.makePartitions()).toEqual([]);
    const owner = await metering.newAccount();
    const hold = await settled(owner);
    const [row] = await metering.database.$queryRaw<{ partition: string }[]>`
      SELECT tableoid::regclass::text AS partition FROM usage_attempt WHERE call_id = ${hold.callId}::uuid`;
    expect(row?.partition).toBe(`usage_attempt_${new Date().toISOString().slice(0, 7).replace('-', '_')}`);
    await expect(metering.database.$executeRawUnsafe(`DELETE FROM ${row?.partition ?? ''}`)).rejects.toThrow(
      /append-only/,
    );
  });
});

describe('a correction', () => {
  it('refunds part of a charge, once however often it is asked for, and never more than was charged', async () => {
    const owner = await metering.newAccount();
    const { callId, attemptNumber } = await settled(owner);
    const refund = { callId, attemptNumber, correctionId: randomUUID(), reason: 'goodwill', microUsd: 20n };
    await Promise.all([1, 2, 3].map(() => metering.corrections.refund(refund)));
    expect(await chargeOf(owner)).toBe(66n - 20n);
    const rest = { ...refund, correctionId: randomUUID(), microUsd: 47n };
    expect((await failureOf(metering.corrections.refund(rest))).code).toBe('invalid_request');
    expect((await metering.usage.forAccount(owner.accountId)).month.totalTokens).toBe(100);
  });

  it('prices an attempt anew by taking back what stood', async () => {
    const owner = await metering.newAccount();
    const { callId, attemptNumber } = await settled(owner);
    const dearer = { ...modelPrice, model: randomUUID(), charge: { input: 0n, cachedInput: 0n, output: 10_000_000n } };
    const [price] = await metering.prices.publish([dearer]);
    if (!price) throw new Error('no price version');
    const correction = { callId, attemptNumber, correctionId: randomUUID(), reason: 'wrong price', price };
    await metering.corrections.rerate(correction);
    await metering.corrections.rerate(correction);
    expect(await chargeOf(owner)).toBe(400n);
    expect(await metering.database.usageAttempt.count({ where: owner })).toBe(3);
    expect((await metering.usage.forAccount(owner.accountId)).month.totalTokens).toBe(100);
  });

  it('of an attempt that does not exist is refused', async () => {
    const nothing = { callId: randomUUID(), attemptNumber: 1, correctionId: randomUUID(), reason: '', microUsd: 1n };
    expect((await failureOf(metering.corrections.refund(nothing))).code).toBe('not_found');
  });
});

describe('prices', () => {
  it('keep their version until they change, and two replicas that start at once publish one', async () => {
    const model = { ...modelPrice, model: randomUUID() };
    const published = await Promise.all(Array.from({ length: 5 }, () => metering.prices.publish([model])));
    expect(new Set(published.map(([version]) => version?.id)).size).toBe(1);
    const [changed] = await metering.prices.publish([{ ...model, charge: { ...model.charge, output: 1n } }]);
    expect(changed?.id).not.toBe(published[0]?.[0]?.id);
    expect(await metering.database.priceVersion.count({ where: { model: model.model } })).toBe(2);
  });

  it('take effect at their date, and a model without one is refused', async () => {
    const model = { ...modelPrice, model: randomUUID() };
    const [now] = await metering.prices.publish([{ ...model, effectiveFrom: new Date(Date.now() - 1_000) }]);
    const tomorrow = new Date(Date.now() + 86_400_000);
    const [later] = await metering.prices.publish([
      { ...model, charge: { ...model.charge, output: 1n }, effectiveFrom: tomorrow },
    ]);
    expect((await metering.prices.current(model.provider, model.model)).id).toBe(now?.id);
    expect((await metering.prices.at(model.provider, model.model, tomorrow)).id).toBe(later?.id);
    expect((await failureOf(metering.prices.current('openai', 'unpriced'))).code).toBe('no_model_available');
  });
});

describe('plans', () => {
  const file = loadPlansFile('config/plans.yaml');

  it('come from the file only when the database has none', async () => {
    const where = { code_version: { code: 'free', version: 1 } };
    await metering.database.plan.update({ where, data: { concurrentRequests: 5 } });
    const plans = new Plans(metering.database, file);
    await plans.onModuleInit();
    expect((await plans.current('free')).concurrentRequests).toBe(5);
    expect((await plans.current('pro')).tokensPerMonth).toBe(1_000_000n);
  });

  it('take effect at the latest version whose date has come', async () => {
    const code = await metering.newPlan({ tokens: 1 });
    const first = await metering.database.plan.findFirstOrThrow({ where: { code } });
    await metering.database.plan.createMany({
      data: [
        { ...first, version: 2, effectiveFrom: new Date(1) },
        { ...first, version: 3, effectiveFrom: new Date(Date.now() + 3_600_000) },
      ],
    });
    expect((await new Plans(metering.database, { plans: {} }).current(code)).version).toBe(2);
  });

  it('follow the environment with one new version, however many replicas start', async () => {
    const overrides = { free: { tokensPerMonth: 5n, callsPerDay: undefined } };
    const replicas = [1, 2, 3].map(() => new Plans(metering.database, file, overrides));
    await Promise.all(replicas.map((plans) => plans.onModuleInit()));
    expect(await new Plans(metering.database, file).current('free')).toMatchObject({
      version: 2,
      tokensPerMonth: 5n,
      tokensHardCap: 5n,
      callsPerDay: 1_000,
    });
  });
});
