import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientRedis, MessagePattern, Payload, Transport, type RedisOptions } from '@nestjs/microservices';
import { firstValueFrom, from, type Observable } from 'rxjs';
import { makeParts, type ClientSide, type Part, type ServerSide, type StreamOrder } from './contender.js';

const ECHO = 'nest.echo';
const PARTS = 'nest.parts';

@Controller()
class NestHandlers {
  @MessagePattern(ECHO)
  echo(@Payload() body: unknown): unknown {
    return body;
  }

  @MessagePattern(PARTS)
  parts(@Payload() order: StreamOrder): Observable<Part> {
    return from(makeParts(order));
  }
}

@Module({ controllers: [NestHandlers] })
class NestModule {}

function optionsOf(redisUrl: string): NonNullable<RedisOptions['options']> {
  const { hostname, port } = new URL(redisUrl);
  return { host: hostname, port: Number(port) };
}

export async function startServer(redisUrl: string): Promise<ServerSide> {
  const app = await NestFactory.createMicroservice(NestModule, {
    transport: Transport.REDIS,
    options: optionsOf(redisUrl),
    logger: false,
  });
  await app.listen();
  return app;
}

export async function startClient(redisUrl: string): Promise<ClientSide> {
  const client = new ClientRedis(optionsOf(redisUrl));
  await client.connect();
  return {
    request: (prompt) => firstValueFrom(client.send<unknown>(ECHO, { prompt })),
    stream: (order, onPart) =>
      new Promise((resolve, reject) => {
        client.send<Part>(PARTS, order).subscribe({ next: onPart, complete: resolve, error: reject });
      }),
    close: async () => client.close(),
  };
}
