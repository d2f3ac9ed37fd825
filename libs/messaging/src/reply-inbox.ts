import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@tollgate/observability';
import type { Redis } from 'ioredis';
import type { Call } from './call.js';
import { decodeFrames, fieldOf, keys } from './wire.js';

/** A reply stream outlives its process by at most this; services see by its absence that nobody waits any more. */
const TTL_MS = 30_000;
const REFRESH_EVERY_MS = 5_000;
const READ_COUNT_MAX = 500;
const BLOCK_MS = 5_000;
const RETRY_EVERY_MS = 100;

/**
 * The one reply stream of this process. Every answer to it arrives here, in order, and is handed to its call.
 *
 * It reads on from the last entry it has seen, so a broken connection loses nothing that Redis still has.
 */
export class ReplyInbox {
  readonly key = keys.replies(randomUUID());
  private readonly calls = new Map<string, Call>();
  private lastId = '0-0';
  private closed = false;
  private trimming = false;
  private refreshTimer: NodeJS.Timeout | undefined;
  private reading: Promise<void> = Promise.resolve();

  constructor(
    private readonly commands: Redis,
    private readonly reader: Redis,
    private readonly logger: Logger,
  ) {}

  async open(): Promise<void> {
    await this.create();
    this.refreshTimer = setInterval(() => void this.refresh(), REFRESH_EVERY_MS);
    this.refreshTimer.unref();
    this.reading = this.read();
  }

  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.refreshTimer);
    await this.commands.del(this.key).catch(() => undefined); // Gone or unreachable: it expires by itself.
    this.reader.disconnect();
    await this.reading;
  }

  register(call: Call): void {
    this.calls.set(call.id, call);
  }

  forget(id: string): void {
    this.calls.delete(id);
  }

  get openCalls(): Call[] {
    return [...this.calls.values()];
  }

  private async create(): Promise<void> {
    await this.commands.multi().xadd(this.key, '*', 'f', '[]').pexpire(this.key, TTL_MS).exec();
  }

  private async refresh(): Promise<void> {
    try {
      if ((await this.commands.pexpire(this.key, TTL_MS)) === 0 && !this.closed) await this.create();
    } catch (error) {
      this.logger.debug('the reply stream could not be refreshed', { err: error });
    }
  }

  private async read(): Promise<void> {
    while (!this.closed) {
      try {
        const streams = await this.reader.xread(
          'COUNT',
          READ_COUNT_MAX,
          'BLOCK',
          BLOCK_MS,
          'STREAMS',
          this.key,
          this.lastId,
        );
        for (const [, entries] of streams ?? []) {
          for (const [id, fields] of entries) {
            this.lastId = id;
            this.dispatch(fields);
          }
          void this.trim();
        }
      } catch (error) {
        if (this.closed) return;
        this.logger.warn('replies cannot be read, trying again', { err: error });
        await sleep(RETRY_EVERY_MS);
      }
    }
  }

  private dispatch(fields: readonly string[]): void {
    try {
      for (const frame of decodeFrames(fieldOf(fields, 'f') ?? '[]')) this.calls.get(frame[0])?.accept(frame);
    } catch (error) {
      this.logger.error('a reply that is not a reply was dropped', { err: error });
    }
  }

  /** Frees what has been read; at most one trim is under way, the next one frees the rest. */
  private async trim(): Promise<void> {
    if (this.trimming || this.closed) return;
    this.trimming = true;
    try {
      await this.commands.xtrim(this.key, 'MINID', this.lastId);
    } catch (error) {
      this.logger.debug('the reply stream could not be trimmed', { err: error });
    } finally {
      this.trimming = false;
    }
  }
}
