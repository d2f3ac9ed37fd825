import { randomUUID } from 'node:crypto';
import {
  listMessages,
  sendMessage,
  startChat,
  type Caller,
  type ChatMessageSchema,
  type ChatTurnEvent,
  type InputOf,
} from '@tollgate/contracts';
import { Database } from '@tollgate/database';
import { Messages, RedisStreamsServer } from '@tollgate/messaging';
import { runInRequest } from '@tollgate/observability';
import { freePort, newTestDatabase, nextRedisUrl, startApp, startSimulator, type Simulator } from '@tollgate/testing';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Redis } from 'ioredis';
import { ChatModule } from '../src/chat.module.js';
import { loadChatConfig } from '../src/config.js';

/** The real chat service in this process, with the real router behind it as a process, and a simulated provider. */
export interface ChatUnderTest {
  app: INestApplication;
  messages: Messages;
  database: Database;
  redis: Redis;
  simulator: Simulator;
  newCaller(tier?: string): Promise<Caller>;
  /** Runs work as a client's request of that caller. */
  as<T>(caller: Caller, work: () => T, signal?: AbortSignal): T;
  stop(): Promise<void>;
}

export async function startChatService(environment: Record<string, string> = {}): Promise<ChatUnderTest> {
  const testDatabase = await newTestDatabase();
  const simulator = await startSimulator();
  const shared = {
    DATABASE_URL: testDatabase.url,
    REDIS_URL: nextRedisUrl(),
    LOG_LEVEL: 'fatal',
    OLLAMA_BASE_URL: simulator.url,
    LAST_RESORT_CLOUD: 'false',
  };
  const redis = new Redis(shared.REDIS_URL);
  const starting = startApp('llm-router', { ...shared, PORT: String(await freePort()) });
  const config = loadChatConfig({ ...shared, PORT: '0', ...environment });
  const app: INestApplication = await NestFactory.create(ChatModule.forRoot(config), new FastifyAdapter(), {
    logger: false,
    abortOnError: false,
  });
  app.connectMicroservice({ strategy: app.get(RedisStreamsServer) });
  await app.startAllMicroservices();
  await app.init();
  const router = await starting;
  const database = app.get(Database);
  return {
    app,
    messages: app.get(Messages),
    database,
    redis,
    simulator,
    async newCaller(tier = 'free') {
      const account = await database.account.create({ data: { id: randomUUID(), planCode: tier } });
      const email = `${randomUUID()}@example.com`;
      const user = { id: randomUUID(), accountId: account.id, email, passwordHash: 'none' };
      await database.user.create({ data: user });
      return { account_id: account.id, user_id: user.id, tier, role: 'user' };
    },
    as: (caller, work, signal) =>
      runInRequest(
        { requestId: randomUUID(), traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, caller, signal },
        work,
      ),
    async stop() {
      await app.close();
      await router.stop();
      redis.disconnect();
      await simulator.close();
      await testDatabase.drop();
    },
  };
}

/** One user of the service. */
export class Chatter {
  constructor(
    private readonly chat: ChatUnderTest,
    readonly caller: Caller,
  ) {}

  static async arrive(chat: ChatUnderTest): Promise<Chatter> {
    return new Chatter(chat, await chat.newCaller());
  }

  /** The id of a new session. */
  async start(message: string, settings: Partial<InputOf<typeof startChat>> = {}): Promise<string> {
    const events = await this.readAll((messages) =>
      messages.stream(startChat, { ...settings, initial_message: message }),
    );
    return endOf(events).session_id;
  }

  /** The answer. */
  async send(sessionId: string, message: string, options: Partial<InputOf<typeof sendMessage>> = {}) {
    const input = { session_id: sessionId, user_message: message, on_conflict: 'wait' as const, ...options };
    return endOf(await this.readAll((messages) => messages.stream(sendMessage, input)));
  }

  async history(sessionId: string, include_superseded = false): Promise<ChatMessageSchema[]> {
    const query = { session_id: sessionId, limit: 200, order: 'asc' as const, include_superseded };
    return (await this.ask((messages) => messages.send(listMessages, query))).data;
  }

  ask<T>(work: (messages: Messages) => T, signal?: AbortSignal): T {
    return this.chat.as(this.caller, () => work(this.chat.messages), signal);
  }

  async readAll(stream: (messages: Messages) => AsyncIterable<ChatTurnEvent>): Promise<ChatTurnEvent[]> {
    return this.readSome(stream, Infinity);
  }

  /** Reads a stream up to that many deltas, and leaves it. */
  async readSome(stream: (messages: Messages) => AsyncIterable<ChatTurnEvent>, deltas: number) {
    return this.ask(async (messages) => {
      const events: ChatTurnEvent[] = [];
      for await (const event of stream(messages)) {
        events.push(event);
        if (events.filter(({ type }) => type === 'delta').length >= deltas) break;
      }
      return events;
    });
  }
}

export function endOf(events: ChatTurnEvent[]): ChatMessageSchema {
  const last = events.at(-1);
  if (last?.type !== 'end') throw new Error(`the stream ended with ${JSON.stringify(last)}`);
  return last.message;
}

export function textOf(events: ChatTurnEvent[]): string {
  return events.map((event) => (event.type === 'delta' ? event.delta : '')).join('');
}
