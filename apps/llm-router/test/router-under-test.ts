import { randomUUID } from 'node:crypto';
import type { Caller } from '@tollgate/contracts';
import { Database, type Plan, type UsageAttempt } from '@tollgate/database';
import { CallSlots } from '@tollgate/limits';
import { Messages, RedisStreamsServer } from '@tollgate/messaging';
import { Drift, UsageReader, type AccountUsage } from '@tollgate/metering';
import { runInRequest } from '@tollgate/observability';
import { newTestDatabase, nextRedisUrl, startSimulator, type Simulator } from '@tollgate/testing';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Redis } from 'ioredis';
import { BatchQueue } from '../src/batches/batch-queue.service.js';
import { loadLlmRouterConfig } from '../src/config.js';
import { LlmRouterModule } from '../src/llm-router.module.js';

/** The real router in this process, on a database of its own, with two simulators for the local and the cloud provider. */
export interface RouterUnderTest {
  messages: Messages;
  local: Simulator;
  cloud: Simulator;
  /** @param planCode what the database says of the account's plan; default: the same as the tier of the token */
  newCaller(tier: string, planCode?: string): Promise<Caller>;
  /** Runs work as a client's request of that caller. */
  as<T>(caller: Caller, work: () => T, signal?: AbortSignal): T;
  attemptsOf(caller: Caller): Promise<UsageAttempt[]>;
  /** To the Redis in which the answers lie. */
  cacheConnection(): Redis;
  /** Looks for batches that are not finished, as a start of the router does. */
  restartBatches(): Promise<void>;
  /** A plan with so many tokens a month and nothing beyond, otherwise like `free`; returns its code. */
  newPlan(tokensPerMonth: number, terms?: PlanLimits): Promise<string>;
  changePlan(code: string, terms: PlanLimits): Promise<void>;
  changeAccount(caller: Caller, planCode: string): Promise<void>;
  suspendAccount(caller: Caller): Promise<void>;
  /** For the account's other calls, as the gateway counts them. */
  slots: CallSlots;
  usageOf(caller: Caller): Promise<AccountUsage>;
  /** Every window and rollup is the sum of its rows. */
  assertNoDrift(): Promise<void>;
  /** One more router on the same Postgres, Redis and providers. */
  addReplica(): Promise<RouterUnderTest>;
  stop(): Promise<void>;
}

type PlanLimits = Partial<Pick<Plan, 'callsPerDay' | 'requestsPerMinute' | 'concurrentRequests'>>;

export async function startRouter(environment: Record<string, string> = {}): Promise<RouterUnderTest> {
  const database = await newTestDatabase();
  const [local, cloud] = await Promise.all([startSimulator(), startSimulator()]);
  const backends = { DATABASE_URL: database.url, REDIS_URL: nextRedisUrl(), ...environment };
  return startReplica(backends, { local, cloud }, async () => {
    await Promise.all([local.close(), cloud.close()]);
    await database.drop();
  });
}

async function startReplica(
  environment: Record<string, string>,
  { local, cloud }: Pick<RouterUnderTest, 'local' | 'cloud'>,
  onStop: () => Promise<void>,
): Promise<RouterUnderTest> {
  const config = loadLlmRouterConfig({
    PORT: '0',
    LOG_LEVEL: 'fatal',
    OLLAMA_BASE_URL: local.url,
    MAVERICK_BASE_URL: `${cloud.url}/v1`,
    MAVERICK_API_KEY: 'simulated',
    PROBE_INTERVAL_MS: '100',
    ...environment,
  });
  const app: INestApplication = await NestFactory.create(LlmRouterModule.forRoot(config), new FastifyAdapter(), {
    logger: false,
    abortOnError: false,
  });
  app.connectMicroservice({ strategy: app.get(RedisStreamsServer) });
  await app.startAllMicroservices();
  await app.init();
  const client = app.get(Database);
  const redis = new Redis(config.redis.url);

  return {
    messages: app.get(Messages),
    local,
    cloud,
    async newCaller(tier, planCode = tier) {
      const account = await client.account.create({ data: { id: randomUUID(), planCode } });
      const email = `${randomUUID()}@example.com`;
      const user = await client.user.create({
        data: { id: randomUUID(), accountId: account.id, email, passwordHash: 'none' },
      });
      return { account_id: account.id, user_id: user.id, tier, role: 'user' };
    },
    slots: app.get(CallSlots),
    async newPlan(tokensPerMonth, limits = {}) {
      const code = `plan_${randomUUID().replaceAll('-', '_')}`;
      const free = await client.plan.findFirstOrThrow({ where: { code: 'free' } });
      const tokens = BigInt(tokensPerMonth);
      const terms = { tokensPerMonth: tokens, tokensHardCap: tokens, callsPerDay: 1_000_000, ...limits };
      await client.plan.create({ data: { ...free, ...terms, code } });
      return code;
    },
    async changePlan(code, limits) {
      await client.plan.updateMany({ where: { code }, data: limits });
    },
    async changeAccount({ account_id: id }, planCode) {
      await client.account.update({ where: { id }, data: { planCode } });
    },
    async suspendAccount({ account_id: id }) {
      await client.account.update({ where: { id }, data: { suspendedAt: new Date() } });
    },
    as: (caller, work, signal) =>
      runInRequest(
        { requestId: randomUUID(), traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, caller, signal },
        work,
      ),
    attemptsOf: (caller) =>
      client.usageAttempt.findMany({
        where: { accountId: caller.account_id },
        orderBy: [{ startedAt: 'asc' }, { attemptNumber: 'asc' }],
      }),
    cacheConnection: () => redis,
    restartBatches: () => app.get(BatchQueue).sweep(),
    usageOf: (caller) => app.get(UsageReader).forAccount(caller.account_id),
    async assertNoDrift() {
      const drift = Object.entries(await app.get(Drift).measure()).filter(([, difference]) => difference !== 0);
      if (drift.length > 0) throw new Error(`counters differ from their rows: ${JSON.stringify(drift)}`);
    },
    addReplica: () => startReplica(environment, { local, cloud }, () => Promise.resolve()),
    async stop() {
      redis.disconnect();
      await app.close();
      await onStop();
    },
  };
}
