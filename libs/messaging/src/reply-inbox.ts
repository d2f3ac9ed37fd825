import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '@tollgate/contracts';
import type { Logger } from '@tollgate/observability';
import type { Redis } from 'ioredis';
import type { Call } from './call.js';
import { channelOf, decodeFrames, keys, valuesOf, type Frame } from './wire.js';

/** A reply stream outlives its process by at most this; services see by its absence that nobody waits any more. */
const TTL_MS = 15_000;
const REFRESH_EVERY_MS = 2_000;
/** Open calls do not wait for a Redis that is away for longer than this. */
const OUTAGE_MAX_MS = 5_000;
const READ_COUNT_MAX = 200;
const RETRY_EVERY_MS = 50;
const TRIM_EVERY_MS = 100;
/** More than this is not left to the clock: fast streams would fill Redis, above all when this process is busy. */
const UNTRIMMED_CHARACTERS_MAX = 256 * 1024;
/** What was published is added to the stream a moment later, or more than that when Redis is slow. */
const READ_AGAIN_AFTER_MS = [0, 50, 1_000];

/**
 * Where all answers to this process arrive: by publish/subscribe, and a moment later in a stream.
 *
 * After a broken connection the stream tells what was missed, so nothing is lost that Redis still has; what arrives
 * meanwhile and comes after something missed is held back. When Redis has lost the stream, every open call ends with
 * `reply_lost` at once. When Redis stays away for five seconds, they end with `unavailable`.
 */
export class ReplyInbox {
  readonly key = keys.replies(randomUUID());
  private readonly calls = new Map<number, Call>();
  private lastContactAt = Date.now();
  private closed = false;
  /** The connection broke, and the stream has not been read often enough since. */
  private hasMissed = false;
  /** Counts them. */
  private connections = 0;
  /** Frames that came after something that was missed. */
  private held: Frame[] = [];
  /** Received since the last trim began. */
  private untrimmedCharacters = 0;
  private isTrimming = false;
  private trimTimer: NodeJS.Timeout | undefined;
  private refreshTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly commands: Redis,
    private readonly subscriber: Redis,
    private readonly logger: Logger,
    /** A frame of a call that has ended here: whoever sends it has missed that. */
    private readonly onStray: (frame: Frame) => void,
  ) {}

  async open(): Promise<void> {
    await this.create();
    this.subscriber.on('message', (_channel, message) => this.receive(message));
    this.subscriber.on('close', () => this.missed());
    await this.subscriber.subscribe(channelOf(this.key));
    this.subscriber.on('ready', () => void this.catchUp());
    this.commands.on('ready', () => void this.refresh());
    this.refreshTimer = setInterval(() => void this.refresh(), REFRESH_EVERY_MS);
    this.refreshTimer.unref();
  }

  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.refreshTimer);
    clearTimeout(this.trimTimer);
    await this.commands.del(this.key).catch(() => undefined); // Gone or unreachable: it expires by itself.
    this.subscriber.disconnect();
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
    void this.probe();
    try {
      const exists = (await this.commands.pexpire(this.key, TTL_MS)) !== 0;
      this.lastContactAt = Date.now();
      if (exists || this.closed) return;
      this.logger.warn('Redis has lost the reply stream; open calls are failed', { calls: this.calls.size });
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

  private missed(): void {
    this.hasMissed = true;
    this.connections += 1;
  }

  /** A half-open connection would be silent for ever. */
  private async probe(): Promise<void> {
    try {
      await this.subscriber.ping();
    } catch (error) {
      this.logger.debug('the connection for replies is silent', { err: error });
      if (!this.closed && this.subscriber.status === 'ready') this.subscriber.disconnect(true);
    }
  }

  /** Subscribed first, read then: what comes in between comes twice, and is recognised by its number. */
  private async catchUp(): Promise<void> {
    const connection = this.connections;
    const isSame = () => !this.closed && connection === this.connections;
    try {
      await this.subscriber.subscribe(channelOf(this.key));
      for (const waitMs of READ_AGAIN_AFTER_MS) {
        await sleep(waitMs);
        if (!isSame()) return;
        await this.readStream();
        this.handOutHeld();
      }
      this.hasMissed = !isSame();
      this.handOutHeld();
    } catch (error) {
      this.logger.warn('missed replies cannot be read, trying again', { err: error });
      await sleep(RETRY_EVERY_MS);
      if (isSame()) await this.catchUp();
    }
  }

  private async readStream(): Promise<void> {
    let [from, hasMore] = ['-', true];
    while (hasMore) {
      const entries = await this.commands.xrange(this.key, from, '+', 'COUNT', READ_COUNT_MAX);
      for (const [, fields] of entries) for (const message of valuesOf(fields ?? [], 'f')) this.receive(message);
      from = `(${entries.at(-1)?.[0]}`;
      hasMore = entries.length === READ_COUNT_MAX;
    }
  }

  private receive(message: string): void {
    try {
      for (const frame of decodeFrames(message)) this.handOut(frame);
    } catch (error) {
      this.logger.error('a reply that is not a reply was dropped', { err: error });
    }
    this.untrimmedCharacters += message.length;
    if (this.untrimmedCharacters > UNTRIMMED_CHARACTERS_MAX) void this.trim();
    this.trimLater();
  }

  private handOut(frame: Frame): void {
    const call = this.calls.get(frame[0]);
    if (!call) this.onStray(frame);
    else if (this.hasMissed && call.isAhead(frame)) this.held.push(frame);
    else call.accept(frame);
  }

  private handOutHeld(): void {
    const held = this.held;
    this.held = [];
    for (const frame of held) this.handOut(frame);
  }

  private trimLater(): void {
    if (this.closed) return;
    this.trimTimer ??= setTimeout(() => {
      this.trimTimer = undefined;
      void this.trim();
    }, TRIM_EVERY_MS);
  }

  /** Frees what has been received, again and again until nothing is left: an answer is added later than it is heard. */
  private async trim(): Promise<void> {
    if (this.isTrimming) return;
    this.isTrimming = true;
    this.untrimmedCharacters = 0;
    try {
      const newest = await this.commands.newestEntry(this.key);
      if (newest === null || this.closed) return;
      this.trimLater();
      // It was published before it was added, so it arrives before the answer to this, if the connection is the same.
      await this.subscriber.ping();
      if (this.hasMissed || this.closed) return;
      // Up to the newest one, and that one too: no text stays for longer than it is needed.
      await this.commands.multi().xtrim(this.key, 'MINID', newest).xdel(this.key, newest).exec();
    } catch (error) {
      this.logger.debug('the reply stream could not be trimmed', { err: error });
    } finally {
      this.isTrimming = false;
    }
  }
}
