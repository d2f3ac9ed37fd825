import { randomUUID } from 'node:crypto';
import { Database, type PriceVersion } from '@tollgate/database';
import { createLogger, Logger } from '@tollgate/observability';
import { newTestDatabase } from '@tollgate/testing';
import { v7 as uuidv7 } from 'uuid';
import {
  Corrections,
  Drift,
  Holds,
  LapsedHolds,
  Ledger,
  LiveHolds,
  loadPlansFile,
  Plans,
  Prices,
  Upkeep,
  UsageReader,
  type AttemptEnd,
  type HoldRequest,
  type ModelPrice,
} from '../src/index.js';
import { HoldEnds } from '../src/hold-ends.js';
import { LedgerBatches } from '../src/ledger-batches.js';

export const logger = new Logger(createLogger('test', 'fatal'));

export const modelPrice: ModelPrice = {
  provider: 'openai',
  model: 'gpt-4o-mini',
  cost: { input: 150_000n, cachedInput: 75_000n, output: 600_000n },
  charge: { input: 300_000n, cachedInput: 150_000n, output: 1_200_000n },
};

export interface Owner {
  accountId: string;
  userId: string;
}

/** What a replica of a service has of this lib, over connections of its own. */
export function newReplica(url: string, leaseMs = 15_000) {
  const database = new Database({ url });
  const batches = new LedgerBatches(database, leaseMs);
  const ends = new HoldEnds(batches, logger);
  return {
    database,
    holds: new Holds(database, batches, ends, logger, leaseMs),
    live: new LiveHolds(database, logger, leaseMs),
    ledger: new Ledger(ends),
    lapsed: new LapsedHolds(database, ends),
    corrections: new Corrections(database),
    drift: new Drift(database),
    prices: new Prices(database),
    upkeep: new Upkeep(database),
    usage: new UsageReader(database),
  };
}
export type Replica = ReturnType<typeof newReplica>;

export interface MeteringUnderTest extends Replica {
  url: string;
  price: PriceVersion;
  newReplica(leaseMs?: number): Replica;
  newAccount(plan?: string, createdAt?: Date): Promise<Owner>;
  /** A plan of its own with these limits; returns its code. */
  newPlan(limits: { tokens: number; calls?: number; hardCap?: number }): Promise<string>;
  newHold(owner: Owner, overrides?: Partial<HoldRequest>): HoldRequest;
  /** Every window and rollup is the sum of its rows. */
  assertNoDrift(): Promise<void>;
  stop(): Promise<void>;
}

export async function startMetering(): Promise<MeteringUnderTest> {
  const testDatabase = await newTestDatabase();
  const { url } = testDatabase;
  const replicas: Replica[] = [];
  const replica = (leaseMs?: number) => {
    const made = newReplica(url, leaseMs);
    replicas.push(made);
    return made;
  };
  const first = replica();
  const { database } = first;
  await new Plans(database, loadPlansFile('config/plans.yaml')).onModuleInit();
  const [price] = await first.prices.publish([modelPrice]);
  if (!price) throw new Error('no price version');
  return {
    ...first,
    url,
    price,
    newReplica: replica,
    async newAccount(planCode = 'free', createdAt = new Date()) {
      const account = await database.account.create({ data: { id: randomUUID(), planCode, createdAt } });
      const email = `${randomUUID()}@example.com`;
      const user = await database.user.create({
        data: { id: randomUUID(), accountId: account.id, email, passwordHash: 'none' },
      });
      return { accountId: account.id, userId: user.id };
    },
    async newPlan({ tokens, calls = 1_000_000, hardCap }) {
      const code = `plan_${randomUUID().replaceAll('-', '_')}`;
      await database.plan.create({
        data: {
          code,
          version: 1,
          tokensPerMonth: BigInt(tokens),
          tokensOverage: hardCap === undefined ? 'block' : 'bill',
          tokensHardCap: BigInt(hardCap ?? tokens),
          callsPerDay: calls,
          requestsPerMinute: 1,
          concurrentRequests: 1,
          maxOutputTokens: 100,
          effectiveFrom: new Date(0),
        },
      });
      return code;
    },
    newHold: (owner, overrides = {}) => ({
      ...owner,
      callId: uuidv7(),
      attemptNumber: 1,
      requestId: uuidv7(),
      task: 'chat',
      price,
      tokensInput: 60,
      tokensOutputMax: 40,
      ...overrides,
    }),
    async assertNoDrift() {
      const drift = Object.entries(await first.drift.measure()).filter(([, difference]) => difference !== 0);
      if (drift.length > 0) throw new Error(`counters differ from their rows: ${JSON.stringify(drift)}`);
    },
    async stop() {
      for (const { live, database: client } of replicas) {
        live.onApplicationShutdown();
        await client.onApplicationShutdown();
      }
      await testDatabase.drop();
    },
  };
}

export const completed = (overrides: Partial<AttemptEnd> = {}): AttemptEnd => ({
  tokens: { input: 60, cached: 0, output: 40 },
  usageSource: 'provider',
  outcome: 'completed',
  finishedAt: new Date(),
  ...overrides,
});
