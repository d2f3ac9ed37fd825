import { randomUUID } from 'node:crypto';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '@tollgate/contracts';
import type { Logger } from '@tollgate/observability';
import type { Redis } from 'ioredis';
import type { Call } from './call.js';
import type { Entry } from './redis.js';
import { decodeFrames, fieldOf, keys, type Frame } from './wire.js';

/** A reply stream outlives its process by at most this; services see by its absence that nobody waits any more. */
const TTL_MS = 15_000;
const REFRESH_EVERY_MS = 2_000;
/** Open calls do not wait for a Redis that is away for longer than this. */
const OUTAGE_MAX_MS = 5_000;
const READ_COUNT_MAX = 200;
const BLOCK_MS = 5_000;
const RETRY_EVERY_MS = 50;
const TRIM_EVERY_MS = 50;

/**
 * The one reply stream of this process. Every answer to it arrives here and is handed to its call.
 *
 * It reads on from the last entry it has seen, so a broken connection loses nothing that Redis still has. When Redis has
 * lost the stream, the answers in it are lost too: every open call ends with `reply_lost` at once. When Redis stays away
 * for five seconds, they end with `unavailable`.
 */
export class ReplyInbox {
  readonly key = keys.replies(randomUUID());
  private readonly calls = new Map<number, Call>();
  private lastId = '0-0';
  private lastContactAt = Date.now();
  private closed = false;
  private trimTimer: NodeJS.Timeout | undefined;
  private refreshTimer: NodeJS.Timeout | undefined;
  private reading: Promise<void> = Promise.resolve();

  constructor(
    private readonly commands: Redis,
    private readonly reader: Redis,
    private readonly logger: Logger,
    /** A frame of a call that has ended here: whoever sends it has missed that. */
    private readonly onStray: (frame: Frame) => void,
  ) {}

  async open(): Promise<void> {
    await this.create();
    this.commands.on('ready', () => void this.refresh());
    this.refreshTimer = setInterval(() => void this.refresh(), REFRESH_EVERY_MS);
    this.refreshTimer.unref();
    this.reading = this.read();
  }

  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.refreshTimer);
    clearTimeout(this.trimTimer);
    await this.commands.del(this.key).catch(() => undefined); // Gone or unreachable: it expires by itself.
    this.reader.disconnect();
    await this.reading;
  }

  register(call: Call): void {
    this.calls.set(call.number, call);
  }

  forget(call: number): void {
    this.calls.delete(call);
  }

  failAll(error: AppError): void {
    for (const call of this.calls.values()) call.fail(error);
  }

  private async create(): Promise<void> {
    await this.commands.multi().xadd(this.key, '*', 'f', '[]').pexpire(this.key, TTL_MS).exec();
  }

  private async refresh(): Promise<void> {
    if (this.closed) return;
    try {
      const exists = (await this.commands.pexpire(this.key, TTL_MS)) !== 0;
      this.lastContactAt = Date.now();
      if (exists || this.closed) return;
      this.logger.warn('Redis has lost the reply stream; open calls are failed', { calls: this.calls.size });
      this.lastId = '0-0';
      await this.create();
      this.failAll(new AppError('reply_lost', 'Redis has lost the answer.'));
    } catch (error) {
      this.logger.debug('the reply stream could not be refreshed', { err: error });
      if (Date.now() - this.lastContactAt < OUTAGE_MAX_MS) return;
      this.failAll(
        new AppError('unavailable', 'Redis has been away for too long.', { cause: error, retryAfterSeconds: 1 }),
      );
    }
  }

  private async read(): Promise<void> {
    while (!this.closed) {
      try {
        const streams = (await this.reader.xread(
          ...(['COUNT', READ_COUNT_MAX, 'BLOCK', BLOCK_MS, 'STREAMS', this.key, this.lastId] as const),
        )) as [string, Entry[]][] | null;
        const entries = streams?.[0]?.[1] ?? [];
        if (entries.length === 0) continue;
        this.lastId = entries.at(-1)?.[0] ?? this.lastId;
        for (const [, fields] of entries) this.dispatch(fields ?? []);
        this.trimSoon();
        await setImmediate(); // What these answers woke may send first; the next read would go before it.
      } catch (error) {
        if (this.closed) return;
        this.logger.warn('replies cannot be read, trying again', { err: error });
        await sleep(RETRY_EVERY_MS);
      }
    }
  }

  private dispatch(fields: readonly string[]): void {
    try {
      for (const frame of decodeFrames(fieldOf(fields, 'f') ?? '[]')) {
        const call = this.calls.get(frame[0]);
        if (call) call.accept(frame);
        else this.onStray(frame);
      }
    } catch (error) {
      this.logger.error('a reply that is not a reply was dropped', { err: error });
    }
  }

  /** Frees what has been read, not more often than makes a difference. */
  private trimSoon(): void {
    this.trimTimer ??= setTimeout(() => {
      this.trimTimer = undefined;
      if (!this.closed) this.trim();
    }, TRIM_EVERY_MS);
  }

  private trim(): void {
    this.commands.xtrim(this.key, 'MINID', this.lastId).catch((error: unknown) => {
      this.logger.debug('the reply stream could not be trimmed', { err: error });
    });
  }
}
