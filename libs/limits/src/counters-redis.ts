import { AppError } from '@tollgate/contracts';
import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Redis, type RedisOptions } from 'ioredis';
import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { callScripts } from './call-scripts.js';
import { limitsUnavailable } from './metrics.js';

/** Whoever asks hears something within a quarter of a second, also of a Redis that is there and does not answer. */
const ANSWER_WITHIN_MS = 200;
/** After a silence nobody waits again for this long, and nothing piles up for a Redis that hangs. */
const SILENCE_MS = 500;
/** A connection on which nothing comes back is opened anew. */
const SOCKET_TIMEOUT_MS = 3_000;
const RECONNECT_DELAY_MAX_MS = 300;

/** A connection of its own for counters: apart from the messages, whose traffic must not delay an answer. */
@Injectable()
export class CountersRedis implements OnModuleInit, OnApplicationShutdown {
  private readonly redis: Redis;
  private silentUntil = 0;
  private leaving: Promise<void> | undefined;

  /** @param scripts beyond those of calls */
  constructor(url: string, scripts: RedisOptions['scripts'] = {}) {
    this.redis = new Redis(url, {
      lazyConnect: true,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      connectTimeout: 2_000,
      socketTimeout: SOCKET_TIMEOUT_MS,
      retryStrategy: (attempt) => Math.min(20 * 2 ** Math.min(attempt, 6), RECONNECT_DELAY_MAX_MS),
      scripts: { ...callScripts, ...scripts },
    });
    this.redis.on('error', () => undefined); // Every command reports its own failure.
  }

  async onModuleInit(): Promise<void> {
    const ready = once(this.redis, 'ready');
    await Promise.all([this.redis.connect(), ready]);
  }

  onApplicationShutdown(): void {
    this.redis.disconnect();
  }

  /** How many requests of any kind there were in the window of a key, this one included, and when it ends. Raises as `ask`. */
  async countRequest(key: string, max: number, windowMs: number): Promise<{ requests: number; endsInMs: number }> {
    const [requests, endsInMs] = await this.ask((redis) => redis.countRequest(key, max, windowMs));
    return { requests, endsInMs };
  }

  /**
   * Raises `unavailable` within a quarter of a second when Redis is away or silent.
   * @param undo for what Redis may still do after we have given up
   */
  async ask<T>(command: (redis: Redis) => Promise<T>, undo: () => void = () => undefined): Promise<T> {
    this.refuseWhileSilent();
    void this.gather();
    const answer = command(this.redis);
    try {
      return await within(answer, ANSWER_WITHIN_MS);
    } catch (error) {
      if (error instanceof Silence) {
        this.silentUntil = Date.now() + SILENCE_MS;
        answer.then(undo, () => undefined);
      }
      throw unavailable(error);
    }
  }

  /**
   * For what needs no answer: resolves when the command has left this process, so that whoever asks Redis later finds it done.
   * Raises `unavailable` only for a Redis that has just been silent; the command reports its own failure.
   */
  async tell(command: (redis: Redis) => Promise<unknown>): Promise<void> {
    this.refuseWhileSilent();
    const sent = this.gather();
    void command(this.redis);
    await sent;
  }

  private refuseWhileSilent(): void {
    if (Date.now() < this.silentUntil) throw unavailable(new Error('Redis has just been silent'));
  }

  /** The commands of one turn of the event loop leave in one write, which costs as much as all the rest of a command. */
  private async gather(): Promise<void> {
    if (this.redis.status !== 'ready') return;
    this.leaving ??= this.leave();
    await this.leaving;
  }

  private async leave(): Promise<void> {
    const { stream } = this.redis;
    stream.cork();
    await nextTurn();
    this.leaving = undefined;
    stream.uncork();
  }
}

class Silence extends Error {}

async function within<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    // A busy process sees its timers before the answer that has been waiting in the socket: it gets its turn first.
    const giveUp = async () => {
      await nextTurn();
      await nextTurn();
      reject(new Silence(`Redis did not answer within ${timeoutMs} ms`));
    };
    timer = setTimeout(() => void giveUp(), timeoutMs);
  });
  try {
    return await Promise.race([work, silence]);
  } finally {
    clearTimeout(timer);
  }
}

function unavailable(cause: unknown): AppError {
  limitsUnavailable.inc();
  return new AppError('unavailable', 'The limits cannot be checked now; try again soon.', {
    cause,
    retryAfterSeconds: 1,
  });
}
