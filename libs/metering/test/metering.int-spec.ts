import { randomUUID } from 'node:crypto';
import { Database, type PriceVersion } from '@tollgate/database';
import { createLogger, Logger } from '@tollgate/observability';
import { newTestDatabase } from '@tollgate/testing';
import { Ledger, loadPlansFile, Plans, Prices, UsageReader, type Attempt, type ModelPrice } from '../src/index.js';

const logger = new Logger(createLogger('test', 'fatal'));
const price: ModelPrice = {
  provider: 'openai',
  model: 'gpt-4o-mini',
  cost: { input: 150_000n, cachedInput: 75_000n, output: 600_000n },
  charge: { input: 300_000n, cachedInput: 150_000n, output: 1_200_000n },
};

let testDatabase: Awaited<ReturnType<typeof newTestDatabase>>;
let database: Database;
let priceVersion: PriceVersion;

async function newAccount() {
  const account = await database.account.create({ data: { id: randomUUID(), planCode: 'free' } });
  const email = `${randomUUID()}@example.com`;
  const user = await database.user.create({
    data: { id: randomUUID(), accountId: account.id, email, passwordHash: 'none' },
  });
  return { accountId: account.id, userId: user.id };
}

function newAttempt(owner: { accountId: string; userId: string }, overrides: Partial<Attempt> = {}): Attempt {
  return {
    ...owner,
    callId: randomUUID(),
    attemptNumber: 1,
    requestId: randomUUID(),
    task: 'chat',
    price: priceVersion,
    tokens: { input: 1_000, cached: 400, output: 100 },
    usageSource: 'provider',
    outcome: 'completed',
    startedAt: new Date(),
    finishedAt: new Date(),
    ...overrides,
  };
}

beforeAll(async () => {
  testDatabase = await newTestDatabase();
  database = new Database({ url: testDatabase.url });
  const [version] = await new Prices(database).publish([price]);
  if (!version) throw new Error('no price version');
  priceVersion = version;
});
afterAll(async () => {
  await database.onApplicationShutdown();
  await testDatabase.drop();
});

describe('the ledger', () => {
  it('keeps what an attempt cost us and what it is charged apart, both priced by its version', async () => {
    const owner = await newAccount();
    await new Ledger(database, logger).record(newAttempt(owner));
    const [row] = await database.usageAttempt.findMany({ where: { accountId: owner.accountId } });
    expect(row).toMatchObject({
      priceVersionId: priceVersion.id,
      providerCostMicroUsd: 90n + 30n + 60n,
      chargeMicroUsd: 2n * (90n + 30n + 60n),
    });
  });

  it('does not charge a failed attempt', async () => {
    const owner = await newAccount();
    await new Ledger(database, logger).record(newAttempt(owner, { outcome: 'failed', errorCode: 'provider_error' }));
    const [row] = await database.usageAttempt.findMany({ where: { accountId: owner.accountId } });
    expect(row).toMatchObject({ chargeMicroUsd: 0n, providerCostMicroUsd: 180n, errorCode: 'provider_error' });
  });

  it('holds an attempt once, however often and by whomever it is recorded', async () => {
    const owner = await newAccount();
    const attempt = newAttempt(owner);
    const replicas = [new Ledger(database, logger), new Ledger(database, logger)];
    await Promise.all(Array.from({ length: 50 }, (_, index) => replicas[index % 2]?.record(attempt)));
    expect(await database.usageAttempt.count({ where: { accountId: owner.accountId } })).toBe(1);
  });

  it('has every one of a thousand concurrent attempts when they are acknowledged', async () => {
    const owner = await newAccount();
    const ledger = new Ledger(database, logger);
    await Promise.all(Array.from({ length: 1_000 }, () => ledger.record(newAttempt(owner))));
    expect(await database.usageAttempt.count({ where: { accountId: owner.accountId } })).toBe(1_000);
  });

  it('records the others of a batch when Postgres refuses one', async () => {
    const owner = await newAccount();
    const ledger = new Ledger(database, logger);
    const stranger = { accountId: randomUUID(), userId: randomUUID() };
    const outcomes = await Promise.allSettled([
      ledger.record(newAttempt(owner)),
      ledger.record(newAttempt(stranger)),
      ledger.record(newAttempt(owner)),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await database.usageAttempt.count({ where: { accountId: owner.accountId } })).toBe(2);
  });
});

describe('usage', () => {
  it('counts the calendar month and day in UTC, each request once, failed attempts not at all', async () => {
    const owner = await newAccount();
    const ledger = new Ledger(database, logger);
    const requestId = randomUUID();
    const at = (time: string, overrides: Partial<Attempt> = {}) =>
      ledger.record(newAttempt(owner, { finishedAt: new Date(time), ...overrides }));
    await at('2026-02-28T23:59:59.999Z'); // the month before
    await at('2026-03-01T00:00:00.000Z');
    await at('2026-03-31T10:00:00.000Z', { requestId });
    await at('2026-03-31T10:00:01.000Z', { requestId });
    await at('2026-03-31T11:00:00.000Z', { outcome: 'cancelled' });
    await at('2026-03-31T12:00:00.000Z', { outcome: 'failed' });
    await at('2026-04-01T00:00:00.000Z'); // the month after

    const usage = await new UsageReader(database).forAccount(owner.accountId, new Date('2026-03-31T23:00:00Z'));
    expect(usage).toEqual({
      month: { inputTokens: 4_000, outputTokens: 400, totalTokens: 4_400, resetsAt: new Date('2026-04-01T00:00:00Z') },
      day: { calls: 2, resetsAt: new Date('2026-04-01T00:00:00Z') },
    });
  });

  it('of one account knows nothing of another', async () => {
    const [owner, other] = await Promise.all([newAccount(), newAccount()]);
    await new Ledger(database, logger).record(newAttempt(owner));
    expect((await new UsageReader(database).forAccount(other.accountId)).month.totalTokens).toBe(0);
  });
});

describe('prices', () => {
  it('keep their version until they change, and two replicas that start at once publish one', async () => {
    const prices = new Prices(database);
    const model = { ...price, model: randomUUID() };
    const published = await Promise.all(Array.from({ length: 5 }, () => prices.publish([model])));
    expect(new Set(published.map(([version]) => version?.id)).size).toBe(1);
    const [changed] = await prices.publish([{ ...model, charge: { ...model.charge, output: 1n } }]);
    expect(changed?.id).not.toBe(published[0]?.[0]?.id);
    expect(await database.priceVersion.count({ where: { model: model.model } })).toBe(2);
  });
});

describe('plans', () => {
  it('come from the file only when the database has none', async () => {
    const file = loadPlansFile('config/plans.yaml');
    await new Plans(database, file).onModuleInit();
    await database.plan.update({ where: { code_version: { code: 'free', version: 1 } }, data: { callsPerDay: 5 } });
    const plans = new Plans(database, file);
    await plans.onModuleInit();
    expect((await plans.current('free')).callsPerDay).toBe(5);
    expect((await plans.current('pro')).tokensPerMonth).toBe(1_000_000n);
  });

  it('take effect at the latest version whose date has come', async () => {
    const plan = {
      code: 'team',
      tokensPerMonth: 1n,
      tokensOverage: 'block',
      callsPerDay: 1,
      requestsPerMinute: 1,
      concurrentRequests: 1,
      maxOutputTokens: 1,
    } as const;
    await database.plan.createMany({
      data: [
        { ...plan, version: 1, effectiveFrom: new Date(0) },
        { ...plan, version: 2, effectiveFrom: new Date(1) },
        { ...plan, version: 3, effectiveFrom: new Date(Date.now() + 3_600_000) },
      ],
    });
    expect((await new Plans(database, { plans: {} }).current('team')).version).toBe(2);
  });
});
