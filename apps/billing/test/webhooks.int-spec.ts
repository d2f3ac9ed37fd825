import { randomUUID } from 'node:crypto';
import { Database, DatabaseModule } from '@tollgate/database';
import { Holds, Ledger, loadPlansFile, MeteringModule, Prices } from '@tollgate/metering';
import { ObservabilityModule } from '@tollgate/observability';
import { newWebhookSecret, verifyWebhook } from '@tollgate/outbound';
import { eventually, freePort, newTestDatabase, nextRedisUrl, startApp, type AppProcess } from '@tollgate/testing';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { v7 as uuidv7 } from 'uuid';
import { startReceiver, type Received } from './webhook-receiver.js';

let testDatabase: Awaited<ReturnType<typeof newTestDatabase>>;
let router: INestApplicationContext;
let database: Database;
let environment: Record<string, string>;
let replicas: AppProcess[];

beforeAll(async () => {
  testDatabase = await newTestDatabase();
  const root = {
    module: class RouterOfTest {},
    imports: [
      ObservabilityModule.forRoot({ info: { service: 'router' }, logLevel: 'fatal', inject: [], readiness: () => [] }),
      DatabaseModule.forRoot({ url: testDatabase.url }),
      MeteringModule.forRoot({ plans: loadPlansFile('config/plans.yaml') }),
    ],
  };
  router = await NestFactory.createApplicationContext(root, { logger: false });
  database = router.get(Database);
  const none = { input: 0n, cachedInput: 0n, output: 0n };
  await router.get(Prices).publish([{ provider: 'p', model: 'm', cost: none, charge: none }]);
  environment = {
    HOST: '127.0.0.1',
    LOG_LEVEL: 'fatal',
    DATABASE_URL: testDatabase.url,
    REDIS_URL: nextRedisUrl(),
    WEBHOOK_ALLOW_PRIVATE: 'true',
    WEBHOOK_INTERVAL_MS: '100',
    WEBHOOK_RETRY_FIRST_MS: '100',
    INVOICES_INTERVAL_MS: '200',
  };
  replicas = await Promise.all([newReplica(), newReplica()]);
}, 60_000);
afterAll(async () => {
  await Promise.all(replicas.map((replica) => replica.stop()));
  await router.close();
  await testDatabase.drop();
});

async function newReplica(): Promise<AppProcess> {
  return startApp('billing', { ...environment, PORT: String(await freePort()) });
}

async function newAccount(tokensPerMonth: number, createdAt = new Date()) {
  const code = `plan_${randomUUID().replaceAll('-', '_')}`;
  const terms = await database.plan.findFirstOrThrow({ where: { code: 'free' } });
  await database.plan.create({
    data: {
      ...terms,
      code,
      fee: 1_000_000n,
      tokensPerMonth: BigInt(tokensPerMonth),
      tokensOverage: 'bill',
      tokensHardCap: 1_000_000n,
    },
  });
  return database.account.create({ data: { id: uuidv7(), planCode: code, createdAt } });
}

async function newEndpoint(accountId: string, url: string) {
  const data = { id: uuidv7(), accountId, url, eventTypes: [], secret: newWebhookSecret() };
  return database.webhookEndpoint.create({ data });
}

async function serve(accountId: string, tokens: number): Promise<void> {
  const price = await router.get(Prices).current('p', 'm');
  const ids = { callId: uuidv7(), attemptNumber: 1, requestId: uuidv7(), accountId, userId: randomUUID() };
  const hold = await router.get(Holds).take({ ...ids, task: 'chat', price, tokensInput: tokens, tokensOutputMax: 0 });
  const end = {
    tokens: { input: tokens, cached: 0, output: 0 },
    usageSource: 'provider',
    outcome: 'completed',
  } as const;
  await router.get(Ledger).settle(hold, { ...end, finishedAt: new Date() });
}

const percentOf = ({ body }: Received): number => JSON.parse(body).data.percent;
const isSigned = ({ headers, body }: Received, secret: string) =>
  verifyWebhook(
    secret,
    {
      'webhook-id': headers['webhook-id'] ?? '',
      'webhook-timestamp': headers['webhook-timestamp'] ?? '',
      'webhook-signature': headers['webhook-signature'] ?? '',
    },
    body,
  );

describe('alerts', () => {
  it('of 50, 75, 90 and 100 % come once each, signed, however many calls pass them at once, and past a killed replica', async () => {
    const receiver = await startReceiver();
    const account = await newAccount(1_000);
    const { secret } = await newEndpoint(account.id, receiver.url);
    try {
      const settles = Array.from({ length: 120 }, () => serve(account.id, 10));
      replicas[0]?.child.kill('SIGKILL');
      await Promise.all(settles);
      await eventually(
        () => receiver.received.length,
        (count) => count >= 4,
        30_000,
      );
      // What a killed replica had sent without noting it may come again; the id tells.
      const byId = new Map(receiver.received.map((call) => [call.headers['webhook-id'], call]));
      expect([...byId.values()].map(percentOf).toSorted((one, other) => one - other)).toEqual([50, 75, 90, 100]);
      expect(receiver.received.every((call) => isSigned(call, secret))).toBe(true);
      expect(await database.usageAlert.count({ where: { accountId: account.id } })).toBe(4);
      expect(await database.webhookEvent.count({ where: { accountId: account.id } })).toBe(4);
      await eventually(
        () => database.webhookDelivery.count({ where: { accountId: account.id, status: 'delivered' } }),
        (count) => count === 4,
        10_000,
      );
    } finally {
      await receiver.stop();
      replicas[0] = await newReplica();
    }
  }, 60_000);

  it('of a new limit come again, and those of the old one do not', async () => {
    const account = await newAccount(1_000);
    await serve(account.id, 600);
    const { planCode } = account;
    const terms = await database.plan.findFirstOrThrow({ where: { code: planCode } });
    await database.plan.create({ data: { ...terms, version: 2, tokensPerMonth: 2_000n } });
    await serve(account.id, 500); // 1,100 of 2,000
    await serve(account.id, 10);
    const alerts = await database.usageAlert.findMany({
      where: { accountId: account.id },
      orderBy: { limitTokens: 'asc' },
    });
    expect(alerts.map(({ limitTokens, percent, spentTokens }) => [limitTokens, percent, spentTokens])).toEqual([
      [1_000n, 50, 600n],
      [2_000n, 50, 1_100n],
    ]);
  });
});

describe('a webhook', () => {
  it('is tried again until it is received, under the same id', async () => {
    const receiver = await startReceiver((_call, count) => (count < 3 ? 500 : 200));
    const account = await newAccount(1_000);
    await newEndpoint(account.id, receiver.url);
    await serve(account.id, 500);
    try {
      const delivery = await eventually(
        () => database.webhookDelivery.findFirst({ where: { accountId: account.id }, include: { attempts: true } }),
        (found) => found?.status === 'delivered',
        15_000,
      );
      expect(delivery?.attempts.map(({ httpStatus, answer }) => [httpStatus, answer])).toEqual([
        [500, 'heard'],
        [500, 'heard'],
        [200, 'heard'],
      ]);
      expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    } finally {
      await receiver.stop();
    }
  }, 30_000);

  it('that nobody receives is given up, which stands in its log', async () => {
    const account = await newAccount(1_000);
    const endpoint = await newEndpoint(account.id, 'http://169.254.169.254/latest');
    const event = { id: uuidv7(), accountId: account.id, type: 'webhook.test', data: {}, dispatchedAt: new Date() };
    const ids = { id: uuidv7(), accountId: account.id, attemptsMax: 2 };
    await database.webhookDelivery.create({
      data: { ...ids, endpoint: { connect: { id: endpoint.id } }, event: { create: event } },
    });
    const delivery = await eventually(
      () => database.webhookDelivery.findUnique({ where: { id: ids.id }, include: { attempts: true } }),
      (found) => found?.status === 'given_up',
      15_000,
    );
    expect(delivery?.attempts).toMatchObject([
      { httpStatus: null, failure: 'The address of this host may not be called.' },
      { httpStatus: null, failure: 'The address of this host may not be called.' },
    ]);
  }, 30_000);
});

describe('invoices', () => {
  it('of a month that has ended are final once, over two replicas of which one is killed, and the account hears of it', async () => {
    const receiver = await startReceiver();
    const fortyDaysAgo = new Date(Date.now() - 40 * 86_400_000);
    const accounts = await Promise.all(Array.from({ length: 10 }, () => newAccount(1_000, fortyDaysAgo)));
    for (const { id } of accounts) await newEndpoint(id, receiver.url);
    replicas[1]?.child.kill('SIGKILL');
    const ofAccounts = { accountId: { in: accounts.map(({ id }) => id) } };
    try {
      await eventually(
        () => database.invoice.count({ where: { ...ofAccounts, status: 'final' } }),
        (count) => count === 10,
        40_000,
      );
      await eventually(
        () => new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size,
        (count) => count === 10,
        10_000,
      );
      expect(await database.invoice.count({ where: ofAccounts })).toBe(10);
      expect(JSON.parse(receiver.received[0]?.body ?? '')).toMatchObject({
        type: 'invoice.finalized',
        data: { total: '1.00' },
      });
      const numbers = await database.invoice.findMany({ where: ofAccounts, orderBy: { number: 'asc' } });
      expect(numbers.map(({ number }) => number?.slice(-6))).toEqual(
        Array.from({ length: 10 }, (_, index) => String(index + 1).padStart(6, '0')),
      );
    } finally {
      await receiver.stop();
      replicas[1] = await newReplica();
    }
  }, 60_000);
});
