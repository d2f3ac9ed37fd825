import { randomUUID } from 'node:crypto';
import type { Caller } from '@tollgate/contracts';
import { Database, type UsageAttempt } from '@tollgate/database';
import { Messages, RedisStreamsServer } from '@tollgate/messaging';
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
  newCaller(tier: string): Promise<Caller>;
  /** Runs work as a client's request of that caller. */
  as<T>(caller: Caller, work: () => T, signal?: AbortSignal): T;
  attemptsOf(caller: Caller): Promise<UsageAttempt[]>;
  /** To the Redis in which the answers lie. */
  cacheConnection(): Redis;
  /** Looks for batches that are not finished, as a start of the router does. */
  restartBatches(): Promise<void>;
  stop(): Promise<void>;
}

export async function startRouter(environment: Record<string, string> = {}): Promise<RouterUnderTest> {
  const database = await newTestDatabase();
  const [local, cloud] = await Promise.all([startSimulator(), startSimulator()]);
  const config = loadLlmRouterConfig({
    PORT: '0',
    DATABASE_URL: database.url,
    REDIS_URL: nextRedisUrl(),
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
    async newCaller(tier) {
      const account = await client.account.create({ data: { id: randomUUID(), planCode: tier } });
      const email = `${randomUUID()}@example.com`;
      const user = await client.user.create({
        data: { id: randomUUID(), accountId: account.id, email, passwordHash: 'none' },
      });
      return { account_id: account.id, user_id: user.id, tier, role: 'user' };
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
    async stop() {
      redis.disconnect();
      await app.close();
      await Promise.all([local.close(), cloud.close()]);
      await database.drop();
    },
  };
}
