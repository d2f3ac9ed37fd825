import { randomUUID } from 'node:crypto';
import type { Contract } from '@tollgate/contracts';
import { createLogger, Logger } from '@tollgate/observability';
import { Module, type INestMicroservice, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { testRedisUrl } from '@tollgate/testing';
import { Redis } from 'ioredis';
import { Messages, RedisStreamsServer } from '../src/index.js';

const logger = new Logger(createLogger('test', 'fatal'));

interface ServiceOptions {
  contracts: Contract[];
  handlers: Type[];
  slots?: number;
  drainTimeoutMs?: number;
}

/** A replica of a service in this process. */
export async function startReplica({
  contracts,
  handlers,
  slots = 64,
  drainTimeoutMs = 5_000,
}: ServiceOptions): Promise<INestMicroservice> {
  const [first] = contracts;
  if (!first) throw new Error('a service owns at least one contract');
  @Module({ controllers: handlers })
  class ServiceModule {}
  const strategy = new RedisStreamsServer(
    { redisUrl: testRedisUrl(), service: first.service, contracts, slots, drainTimeoutMs },
    logger,
  );
  const app = await NestFactory.createMicroservice(ServiceModule, { strategy, logger: false, abortOnError: false });
  await app.listen();
  return app;
}

export async function startMessages(options: { queueMax?: number; timeoutMs?: number } = {}): Promise<Messages> {
  const messages = new Messages({ redisUrl: testRedisUrl(), queueMax: 10_000, timeoutMs: 10_000, ...options }, logger);
  await messages.onModuleInit();
  return messages;
}

/** What a file of tests needs: replicas that end with each test, a client, and a look into Redis. */
export class ServicesUnderTest {
  private readonly running: INestMicroservice[] = [];
  private client: Messages | undefined;
  private connection: Redis | undefined;

  async open(): Promise<void> {
    this.client = await startMessages();
    this.connection = new Redis(testRedisUrl());
  }

  get messages(): Messages {
    if (!this.client) throw new Error('not open');
    return this.client;
  }

  get redis(): Redis {
    if (!this.connection) throw new Error('not open');
    return this.connection;
  }

  /** Of its own for every test, so that tests share nothing but Redis. */
  newName(): string {
    return `test-${randomUUID()}`;
  }

  async serve(contracts: Contract[], handlers: Type[], options: { slots?: number } = {}): Promise<INestMicroservice> {
    const app = await startReplica({ contracts, handlers, ...options });
    this.running.push(app);
    return app;
  }

  async stopReplicas(): Promise<void> {
    await Promise.all(this.running.splice(0).map((app) => app.close()));
  }

  async close(): Promise<void> {
    await this.messages.onApplicationShutdown();
    this.redis.disconnect();
  }
}
