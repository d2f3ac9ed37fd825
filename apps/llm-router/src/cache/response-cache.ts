import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { AppError, Completion, type CacheOutcome, type CacheStatistics } from '@tollgate/contracts';
import { Logger } from '@tollgate/observability';
import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Redis } from 'ioredis';
import { parseJson } from '../providers/parse-json.js';
import { cacheKeys } from './cache-key.js';
import { cacheScripts } from './cache-scripts.js';
import { metrics } from './metrics.js';

export const CACHE_OPTIONS = Symbol('cache options');

export interface CacheOptions {
  redisUrl: string;
  ttlMs: number;
  entriesMax: number;
  /** Requests above this temperature are cached only when they ask for it. */
  temperatureMax: number;
}

/** A cache that does not answer within this is passed by. */
const COMMAND_TIMEOUT_MS = 250;
const CONNECT_WAIT_MS = 1_000;
/** After a failure nobody waits for the cache for so long. */
const REST_MS = 1_000;
const RECONNECT_DELAY_MAX_MS = 500;
/** How long a replica that leads may be silent before another one may lead. */
export const LEASE_MS = 3_000;
/** Larger answers are not kept: with CACHE_MAX_SIZE this bounds the memory. */
const ANSWER_CHARACTERS_MAX = 128 * 1024;

/** What the cache knows of an entry: its answer, that we are to ask for it, that others are asking, or nothing. */
export type Found =
  { state: 'hit'; answer: Completion } | { state: 'lead'; generation: string } | { state: 'wait' } | { state: 'away' };

/**
 * Answers in Redis, least recently used first out, and who is asking for one that is not there. It never fails: while
 * Redis is away it says so, within a quarter of a second for the first and at once for the next.
 */
@Injectable()
export class ResponseCache implements OnModuleInit, OnApplicationShutdown {
  private readonly redis: Redis;
  private restsUntil = 0;

  constructor(
    @Inject(CACHE_OPTIONS) private readonly options: CacheOptions,
    private readonly logger: Logger,
  ) {
    this.redis = new Redis(options.redisUrl, {
      lazyConnect: true,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      connectTimeout: 2_000,
      retryStrategy: (attempt) => Math.min(20 * attempt, RECONNECT_DELAY_MAX_MS),
      scripts: cacheScripts,
    });
  }

  /** The router serves without its cache too, so it does not wait for it for long. */
  async onModuleInit(): Promise<void> {
    this.redis.on('error', () => undefined);
    const connected = this.redis.connect().catch((error: unknown) => {
      this.logger.warn('the cache cannot be reached', { err: error });
    });
    await Promise.race([connected, sleep(CONNECT_WAIT_MS, undefined, { ref: false })]);
  }

  onApplicationShutdown(): void {
    this.redis.disconnect();
  }

  async lookUp(entry: string, token: string): Promise<Found> {
    const { recent, generation, flightOf } = cacheKeys;
    const found = await this.attempt('look_up', () =>
      this.redis.cacheLookUp(entry, flightOf(entry), recent, generation, token, LEASE_MS),
    );
    if (!found) return { state: 'away' };
    const [state, value] = found;
    if (state === 'lead') return { state, generation: value };
    if (state === 'wait') return { state };
    const answer = Completion.safeParse(parseJson(value));
    if (answer.success) return { state, answer: answer.data };
    await this.attempt('look_up', () => this.redis.del(entry));
    return this.lookUp(entry, token);
  }

  /** Keeps the answer and gives the lead up. Not kept: what was cleared meanwhile, and what is too large. */
  async keep(entry: string, token: string, generation: string, answer: Completion): Promise<void> {
    const text = JSON.stringify(answer);
    if (text.length > ANSWER_CHARACTERS_MAX) return this.release(entry, token);
    const { ttlMs, entriesMax } = this.options;
    const { flightOf, recent, expiring, generation: counter } = cacheKeys;
    await this.attempt('keep', () =>
      this.redis.cacheKeep(
        entry,
        flightOf(entry),
        recent,
        expiring,
        counter,
        text,
        ttlMs,
        entriesMax,
        generation,
        token,
      ),
    );
  }

  async renew(entry: string, token: string): Promise<void> {
    await this.attempt('renew', () => this.redis.cacheRenew(cacheKeys.flightOf(entry), token, LEASE_MS));
  }

  async release(entry: string, token: string): Promise<void> {
    await this.attempt('release', () => this.redis.cacheRelease(cacheKeys.flightOf(entry), token));
  }

  /** Of one account, or of all. Raises `unavailable`: who clears must know whether it is done. */
  async clear(accountId?: string): Promise<number> {
    const prefix = accountId === undefined ? '' : cacheKeys.accountPrefix(accountId);
    const { recent, expiring, generation } = cacheKeys;
    try {
      return await this.redis.cacheClear(recent, expiring, generation, prefix);
    } catch (error) {
      throw new AppError('unavailable', 'The cache cannot be reached.', { cause: error, retryAfterSeconds: 1 });
    }
  }

  /** Nobody waits for it. */
  count(outcome: Exclude<CacheOutcome, 'bypass'>): void {
    metrics.answers.inc({ outcome });
    void this.attempt('count', () => this.redis.hincrby(cacheKeys.statistics, outcome, 1));
  }

  async statistics(): Promise<CacheStatistics> {
    const read = () =>
      Promise.all([
        this.redis.hmget(cacheKeys.statistics, 'hit', 'shared', 'miss'),
        this.redis.zcount(cacheKeys.expiring, Date.now() * 1_000, '+inf'),
      ]);
    const found = await this.attempt('statistics', read);
    if (!found) return { status: 'disconnected', entries: 0, hits: 0, shared: 0, misses: 0 };
    const [[hits, shared, misses], entries] = found;
    return { status: 'connected', entries, hits: Number(hits), shared: Number(shared), misses: Number(misses) };
  }

  private async attempt<T>(operation: string, command: () => Promise<T>): Promise<T | undefined> {
    const isResting = Date.now() < this.restsUntil;
    try {
      if (!isResting) return await withinBound(command());
    } catch (error) {
      this.restsUntil = Date.now() + REST_MS;
      this.logger.warn('the cache did not answer', { operation, err: error });
    }
    metrics.failures.inc({ operation });
    return undefined;
  }
}

/**
 * Not ioredis's own timeout: that one also fires when this process was busy for as long and the answer has long come. So
 * when the time is over, what has arrived is read before it is given up.
 */
async function withinBound<T>(command: Promise<T>): Promise<T> {
  const bound = new AbortController();
  const over = async (): Promise<never> => {
    await sleep(COMMAND_TIMEOUT_MS, undefined, { signal: bound.signal });
    await setImmediate();
    await setImmediate();
    throw new Error(`no answer within ${COMMAND_TIMEOUT_MS} ms`);
  };
  try {
    return await Promise.race([command, over()]);
  } finally {
    bound.abort();
  }
}
