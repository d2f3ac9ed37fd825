import { request, stream, type InputOf } from '@tollgate/contracts';
import { Handle, Messages, RedisStreamsServer } from '@tollgate/messaging';
import { createLogger, Logger } from '@tollgate/observability';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Payload } from '@nestjs/microservices';
import { z } from 'zod';
import { makeParts, type ClientSide, type ServerSide } from './contender.js';

const SLOTS = 1_024;
const QUEUE_MAX = 10_000;
const TIMEOUT_MS = 5_000;

const EchoBody = z.object({ prompt: z.string() });
const echo = request('bench.echo', { input: EchoBody, output: EchoBody });
const parts = stream('bench.parts', {
  input: z.object({ parts: z.number(), everyMs: z.number(), delayMs: z.number() }),
  part: z.object({ at: z.number(), text: z.string() }),
});

const logger = () => new Logger(createLogger('bench', 'silent'));

@Controller()
class TollgateHandlers {
  @Handle(echo)
  echo(@Payload() body: InputOf<typeof echo>): InputOf<typeof echo> {
    return body;
  }

  @Handle(parts)
  parts(@Payload() order: InputOf<typeof parts>) {
    return makeParts(order);
  }
}

@Module({ controllers: [TollgateHandlers] })
class TollgateModule {}

export async function startServer(redisUrl: string): Promise<ServerSide> {
  const strategy = new RedisStreamsServer(
    { redisUrl, service: 'bench', contracts: [echo, parts], slots: SLOTS, drainTimeoutMs: TIMEOUT_MS },
    logger(),
  );
  const app = await NestFactory.createMicroservice(TollgateModule, { strategy, logger: false, abortOnError: false });
  await app.listen();
  return app;
}

export async function startClient(redisUrl: string): Promise<ClientSide> {
  const messages = new Messages({ redisUrl, queueMax: QUEUE_MAX, timeoutMs: TIMEOUT_MS }, logger());
  await messages.onModuleInit();
  return {
    request: (prompt) => messages.send(echo, { prompt }),
    stream: async (order, onPart) => {
      for await (const part of messages.stream(parts, order)) onPart(part);
    },
    close: () => messages.onApplicationShutdown(),
  };
}
