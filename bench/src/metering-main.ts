// `pnpm bench:metering [--quick | --profile]`; see the README.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { NestFactory } from '@nestjs/core';
import { Module } from '@nestjs/common';
import { Database, DatabaseModule, migrate } from '@tollgate/database';
import { Drift, Holds, Ledger, MeteringModule, Plans, Prices } from '@tollgate/metering';
import { ObservabilityModule } from '@tollgate/observability';
import { startPostgres } from '@tollgate/testing';
import { v7 as uuidv7 } from 'uuid';
import { insertLoop } from './metering-insert-loop.js';
import { holdAndSettle, type MeteringTarget } from './metering-load.js';
import { medians, rounded } from './statistics.js';

const ACCOUNTS = 2_000;
const AT_ONCE = 256;
const quick = { rounds: 3, roundMs: 2_000, warmUpMs: 2_000 };
const full = { rounds: 5, roundMs: 4_000, warmUpMs: 4_000 };

const { values: flags } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
const plan = flags.quick ? quick : full;

// With fsync: a commit that the disk does not have is none, on either side of the ratio.
const dataDir = await mkdtemp(join(tmpdir(), 'tollgate-bench-postgres-'));
const server = await startPostgres({ dataDir, persistent: true });
await migrate(server.url);

@Module({
  imports: [
    ObservabilityModule.forRoot({ info: { service: 'bench' }, logLevel: 'fatal', inject: [], readiness: () => [] }),
    DatabaseModule.forRoot({ url: server.url }),
    MeteringModule.forRoot({ plans: { plans: {} } }),
  ],
})
class BenchModule {}

const app = await NestFactory.createApplicationContext(BenchModule, { logger: false });
try {
  await compare();
} finally {
  await app.close();
  await server.stop();
  await rm(dataDir, { recursive: true, force: true });
}

async function compare(): Promise<void> {
  const accounts = await newAccounts();
  const target = { holds: app.get(Holds), ledger: app.get(Ledger), price: await newPrice() };
  const hot: MeteringTarget = { ...target, accounts: accounts.slice(0, 1) };
  const spread: MeteringTarget = { ...target, accounts };
  await holdAndSettle(spread, AT_ONCE, plan.warmUpMs);
  await holdAndSettle(hot, AT_ONCE, plan.warmUpMs / 2);

  const onePerSecond = await holdAndSettle(hot, 1, plan.roundMs / 2);
  const rounds = [];
  for (let round = 0; round < plan.rounds; round++) {
    const bare = await insertLoop(server.url, plan.roundMs / 2);
    const hotPerSecond = await holdAndSettle(hot, AT_ONCE, plan.roundMs);
    const spreadPerSecond = await holdAndSettle(spread, AT_ONCE, plan.roundMs);
    const ratios = { hotAccountRatio: hotPerSecond / bare, spreadRatio: spreadPerSecond / bare };
    rounds.push({ bare, hotPerSecond, spreadPerSecond, ...ratios });
  }
  const { bare, hotPerSecond, spreadPerSecond, hotAccountRatio, spreadRatio } = medians(rounds);
  console.log(`${plan.rounds} rounds, medians; ${AT_ONCE} attempts at once, a hold and a settlement each, with fsync`);
  console.log(`one bare INSERT and commit after the other: ${bare.toFixed(0)}/s`);
  console.log(
    `one hot account: ${hotPerSecond.toFixed(0)}/s   ${accounts.length} accounts: ${spreadPerSecond.toFixed(0)}/s`,
  );
  console.log(`with one attempt at a time: ${(1_000 / onePerSecond).toFixed(2)} ms for hold and settlement`);
  const drift = Object.values(await app.get(Drift).measure()).reduce((sum, difference) => sum + difference, 0);
  if (drift !== 0) throw new Error('a counter differs from its rows');
  console.log(JSON.stringify({ hotAccountRatio: rounded(hotAccountRatio), spreadRatio: rounded(spreadRatio) }));
}

async function newPrice() {
  const prices = { input: 150_000n, cachedInput: 75_000n, output: 600_000n };
  const [price] = await app.get(Prices).publish([{ provider: 'bench', model: 'bench', cost: prices, charge: prices }]);
  if (!price) throw new Error('no price was published');
  return price;
}

async function newAccounts() {
  const database = app.get(Database);
  await database.plan.create({
    data: {
      code: 'bench',
      version: 1,
      tokensPerMonth: 10n ** 15n,
      tokensOverage: 'block',
      tokensHardCap: 10n ** 15n,
      callsPerDay: 2_000_000_000,
      requestsPerMinute: 1,
      concurrentRequests: 1,
      maxOutputTokens: 1,
      effectiveFrom: new Date(0),
    },
  });
  const owners = Array.from({ length: ACCOUNTS }, () => ({ accountId: uuidv7(), userId: uuidv7() }));
  await database.account.createMany({ data: owners.map(({ accountId }) => ({ id: accountId, planCode: 'bench' })) });
  await database.user.createMany({
    data: owners.map(({ accountId, userId }) => ({
      id: userId,
      accountId,
      email: `${userId}@example.com`,
      passwordHash: 'none',
    })),
  });
  await app.get(Plans).current('bench');
  return owners;
}
