import type { Contract } from '@tollgate/contracts';
import { createLogger, Logger } from '@tollgate/observability';
import { Module, type INestMicroservice, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { testRedisUrl } from '@tollgate/testing';
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
