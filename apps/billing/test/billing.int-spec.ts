import { randomUUID } from 'node:crypto';
import { Database, DatabaseModule } from '@tollgate/database';
import { Drift, Holds, loadPlansFile, MeteringModule, Prices } from '@tollgate/metering';
import { ObservabilityModule } from '@tollgate/observability';
import { eventually, freePort, newTestDatabase, nextRedisUrl, startApp, type AppProcess } from '@tollgate/testing';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { v7 as uuidv7 } from 'uuid';

const LAPSED = 300;

let testDatabase: Awaited<ReturnType<typeof newTestDatabase>>;
let dying: INestApplicationContext;

beforeAll(async () => {
  testDatabase = await newTestDatabase();
  const plans = loadPlansFile('config/plans.yaml');
  const root = {
    module: class DyingProcess {},
    imports: [
      ObservabilityModule.forRoot({ info: { service: 'dying' }, logLevel: 'fatal', inject: [], readiness: () => [] }),
      DatabaseModule.forRoot({ url: testDatabase.url }),
      MeteringModule.forRoot({ plans, holdLeaseMs: 1 }),
    ],
  };
  dying = await NestFactory.createApplicationContext(root, { logger: false });
});
afterAll(async () => {
  await dying.close();
  await testDatabase.drop();
});

/** Holds of a process that died: half of them before anything was sent. */
async function leaveHolds(): Promise<void> {
  const database = dying.get(Database);
  const prices = { input: 1n, cachedInput: 1n, output: 1n };
  const [price] = await dying.get(Prices).publish([{ provider: 'test', model: 'test', cost: prices, charge: prices }]);
  if (!price) throw new Error('no price');
  const account = await database.account.create({ data: { id: randomUUID(), planCode: 'pro' } });
  await Promise.all(
    Array.from({ length: LAPSED }, (_, index) =>
      dying.get(Holds).take({
        callId: uuidv7(),
        attemptNumber: 1,
        requestId: uuidv7(),
        accountId: account.id,
        userId: randomUUID(),
        task: 'chat',
        price,
        tokensInput: 10,
        tokensOutputMax: 10,
        isDispatched: index % 2 === 0,
      }),
    ),
  );
}

describe('billing', () => {
  it('ends what dead processes left behind, each once, over two replicas of which one is killed', async () => {
    const database = dying.get(Database);
    await leaveHolds();
    const redisUrl = nextRedisUrl();
    const start = async (port: number): Promise<AppProcess> =>
      startApp('billing', {
        PORT: String(port),
        HOST: '127.0.0.1',
        LOG_LEVEL: 'fatal',
        DATABASE_URL: testDatabase.url,
        REDIS_URL: redisUrl,
        LAPSED_HOLDS_INTERVAL_MS: '100',
        DRIFT_CHECK_CRON: '* * * * * *',
      });
    const survivorPort = await freePort();
    const { child: killed, stop } = await start(await freePort());
    killed.kill('SIGKILL');
    const survivor = await start(survivorPort);
    try {
      await eventually(
        () => database.hold.count(),
        (holds) => holds === 0,
        10_000,
      );
      const rows = await database.usageAttempt.findMany();
      expect(rows).toHaveLength(LAPSED / 2);
      expect(rows.every(({ outcome, usageSource }) => outcome === 'lost' && usageSource === 'estimate')).toBe(true);
      expect(Object.values(await dying.get(Drift).measure()).every((difference) => difference === 0)).toBe(true);
      const metrics = await eventually(
        async () => (await fetch(`http://127.0.0.1:${survivorPort}/metrics`)).text(),
        (text) => text.includes('tollgate_ledger_drift{counter="tokensSpent"'),
        10_000,
      );
      expect(metrics).toMatch(/^tollgate_ledger_drift\{counter="tokensHeld".*\} 0$/m);
    } finally {
      await survivor.stop();
      await stop();
    }
  }, 60_000);
});
