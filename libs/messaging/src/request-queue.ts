import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@tollgate/observability';
import type { Redis } from 'ioredis';
import { ABANDONED_AFTER_MS, BLOCK_MS, connect, readerConnection, type Entry } from './redis.js';
import { keys } from './wire.js';

/** Read at once, and never more than there are free slots. */
const READ_COUNT_MAX = 64;
/** More arguments than this do not fit the stack of a Lua script. */
const ACKNOWLEDGE_COUNT_MAX = 5_000;
const PENDING_MAX = 10_000;
const RETRY_EVERY_MS = 50;
/** A read that was given up may still be served until the next one is answered: lost entries are looked for again then. */
const LOST_ENTRY_SEARCHES = 2;
/** After Redis came back, replicas put their fences up again before anyone reads; each needs a reconnect for it. */
const SETTLE_AFTER_RECONNECT_MS = 700;

export interface Consumer {
  /** Requests that may be taken now. */
  freeSlots(): number;
  /** Entries that may have been handed to anyone before. */
  take(entries: Entry[]): void;
  /**
   * Entries that were handed to this replica only, and not before that time of `performance.now()`. Sends over the given
   * connection before it returns, and returns what to do when that has left.
   */
  takeNew(entries: Entry[], since: number, connection: Redis): () => void;
  /** Ids of the entries that are being run. */
  running(): ReadonlySet<string>;
  /** The connection to Redis was lost and is back; Redis may have forgotten the last second or everything. */
  reconnected(): Promise<void>;
}

interface Reply {
  entries: Entry[];
  /** By `performance.now()`. */
  askedAt: number;
}

/**
 * The consumer's side of a service's request stream.
 *
 * It reads only while there are free slots. The answer to a read can be lost, with its connection or because it came after
 * the read was given up: its entries are pending for this replica then, and are looked for after every failure and
 * every silence.
 */
export class RequestQueue {
  private readonly reader: Redis;
  private readerId: number | undefined;
  private slotFreed: (() => void) | undefined;
  private stopped = false;
  private wasDisconnected = false;
  private reading: Promise<void> = Promise.resolve();
  private finished: string[] = [];
  private acknowledging: Promise<void> | undefined;
  /** What was there when Redis came back: it may have been handed out before, and Redis may have forgotten that. */
  private lastOldEntry = '0-0';
  private isPastOldEntries = false;

  constructor(
    redisUrl: string,
    private readonly commands: Redis,
    private readonly service: string,
    private readonly replica: string,
    private readonly log: Logger,
  ) {
    this.reader = readerConnection(redisUrl);
    this.reader.on('ready', () => void this.identifyReader());
    this.reader.on('close', () => (this.wasDisconnected = true));
  }

  private get key(): string {
    return keys.requests(this.service);
  }

  async open(consumer: Consumer): Promise<void> {
    await connect(this.reader);
    await this.createGroup();
    this.reading = this.read(consumer);
  }

  slotIsFree(): void {
    this.slotFreed?.();
  }

  /** Resolves when nothing more will be taken. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.slotFreed?.();
    // UNBLOCK ends the read without losing entries that Redis is just handing out, as a disconnect could.
    if (this.readerId === undefined) this.reader.disconnect();
    else await this.commands.client('UNBLOCK', this.readerId).catch(() => this.reader.disconnect());
    await this.reading;
    this.reader.disconnect();
  }

  /** Takes finished requests out of Redis, soon and together with others. */
  acknowledge(entryIds: readonly string[]): void {
    this.finished.push(...entryIds);
    this.acknowledging ??= this.acknowledgeFinished();
  }

  /** Takes a request out of Redis that was not run here, unless another replica has it by now. */
  async drop(entryId: string): Promise<void> {
    await this.commands.dropRequest(this.key, this.service, this.replica, entryId).catch((error: unknown) => {
      this.log.warn('a request could not be dropped', { err: error, entry_id: entryId });
    });
  }

  /** Ids of entries that are pending for this replica. */
  async ownPending(): Promise<string[]> {
    const pending = await this.commands.xpending(
      ...([this.key, this.service, '-', '+', PENDING_MAX, this.replica] as const),
    );
    return (pending as [string][]).map(([id]) => id);
  }

  async acknowledged(): Promise<void> {
    await this.acknowledging;
  }

  private async acknowledgeFinished(): Promise<void> {
    await setImmediate(); // Answers are kept together: their acknowledgements come together.
    while (this.finished.length > 0) {
      const ids = this.finished.splice(0, ACKNOWLEDGE_COUNT_MAX);
      try {
        await this.commands.acknowledgeRequests(this.key, this.service, ...ids);
      } catch (error) {
        // They stay pending and are read again; their fences keep them from running twice.
        this.log.warn('finished requests could not be acknowledged', { err: error, requests: ids.length });
      }
    }
    this.acknowledging = undefined;
  }

  private async createGroup(): Promise<void> {
    try {
      // From 0, not $: what was sent before the first replica came up is served too.
      await this.commands.xgroup('CREATE', this.key, this.service, '0', 'MKSTREAM');
    } catch (error) {
      if (!String(error).includes('BUSYGROUP')) throw error;
    }
    await this.commands.pexpire(this.key, ABANDONED_AFTER_MS);
    await this.rememberOldEntries();
  }

  private async identifyReader(): Promise<void> {
    this.readerId = await this.reader.client('ID').catch(() => undefined); // Lost again: the next "ready" asks anew.
  }

  private async read(consumer: Consumer): Promise<void> {
    let searches = 0;
    while (!this.stopped) {
      const free = consumer.freeSlots();
      if (free <= 0) {
        await new Promise<void>((resolve) => (this.slotFreed = resolve));
        continue;
      }
      try {
        if (this.wasDisconnected) await this.settleAfterReconnect(consumer);
        if (searches > 0) await this.takeLostEntries(consumer);
        searches = Math.max(0, searches - 1);
        for (let reply: Promise<Reply> | undefined = this.ask(consumer); reply;) {
          const { entries, askedAt } = await reply;
          if (entries.length === 0) searches = LOST_ENTRY_SEARCHES;
          reply = this.handOut(entries, askedAt, consumer);
        }
      } catch (error) {
        if (this.stopped) break;
        searches = LOST_ENTRY_SEARCHES;
        this.log.warn('requests cannot be read, trying again', { err: error });
        await sleep(RETRY_EVERY_MS);
        if (String(error).includes('NOGROUP')) await this.createGroup().catch(() => undefined); // The next read says why.
      }
    }
  }

  /**
   * New entries are taken in one write with the next read, and their handlers go before what that brings.
   * Returns that read.
   */
  private handOut(entries: Entry[], askedAt: number, consumer: Consumer): Promise<Reply> | undefined {
    const [first] = entries;
    if (!first) return undefined;
    this.isPastOldEntries ||= isLater(first[0], this.lastOldEntry);
    if (!this.isPastOldEntries) {
      consumer.take(entries);
      return undefined;
    }
    const { stream } = this.reader;
    stream.cork();
    const start = consumer.takeNew(entries, askedAt, this.reader);
    const reply = this.stopped || consumer.freeSlots() <= 0 ? undefined : this.ask(consumer);
    stream.uncork();
    start();
    return reply;
  }

  private async ask(consumer: Consumer): Promise<Reply> {
    const askedAt = performance.now();
    const count = Math.min(consumer.freeSlots(), READ_COUNT_MAX);
    const streams = await this.reader.xreadgroup(
      ...(['GROUP', this.service, this.replica, 'COUNT', count, 'BLOCK', BLOCK_MS, 'STREAMS', this.key, '>'] as const),
    );
    return { entries: entriesOf(streams), askedAt };
  }

  /** Entries that are pending for this replica and that it does not run. Finished ones among them are stopped by their fences. */
  private async takeLostEntries(consumer: Consumer): Promise<void> {
    const pending = await this.ownPending();
    const running = consumer.running();
    const lost = pending.filter((id) => !running.has(id));
    if (lost.length === 0) return;
    const found = await Promise.all(lost.map((id) => this.commands.xrange(this.key, id, id)));
    consumer.take(found.flat());
  }

  private async settleAfterReconnect(consumer: Consumer): Promise<void> {
    await consumer.reconnected();
    await sleep(SETTLE_AFTER_RECONNECT_MS);
    await this.rememberOldEntries();
    this.wasDisconnected = false;
  }

  private async rememberOldEntries(): Promise<void> {
    this.isPastOldEntries = false;
    this.lastOldEntry = (await this.commands.newestEntry(this.key)) ?? '0-0';
  }
}

/** Ids are `<milliseconds>-<number>`. */
function isLater(id: string, other: string): boolean {
  const [milliseconds = NaN, number = NaN] = id.split('-').map(Number);
  const [otherMilliseconds = NaN, otherNumber = NaN] = other.split('-').map(Number);
  return milliseconds > otherMilliseconds || (milliseconds === otherMilliseconds && number > otherNumber);
}

function entriesOf(streams: unknown): Entry[] {
  return ((streams ?? []) as [string, Entry[]][]).flatMap(([, entries]) => entries);
}
