import { setTimeout as sleep } from 'node:timers/promises';
import type { WireError } from '@tollgate/contracts';
import type { Redis } from 'ioredis';
import type { Turn } from './turn.js';
import { drained, Publication } from './unanswered.js';
import { channelOf, encodePayload } from './wire.js';

/** Frames that wait are joined up to this size: a reader gets nothing of a message before it has all of it. */
const BATCH_CHARACTERS_MAX = 128 * 1024;
/** How long what was published waits for more before it is added to the stream. */
const KEEP_WITHIN_MS = 10;
/** What Redis does not take from the socket waits in a queue; above this, so do those who write. */
const QUEUED_CHARACTERS_MAX = 4 * 1024 * 1024;
/** How long answers wait for a Redis that is away, or for a caller that comes back to an emptied one. */
const RETRY_FOR_MS = 10_000;
const CALLER_GONE_AFTER_MS = 2_000;
const RETRY_EVERY_MS = 50;

interface Batch {
  /** JSON of frames, with commas between them. */
  frames: string;
  /** Ids of the request entries whose last frame is here or in an earlier batch. */
  finished: string[];
  /** The connection that it was published on. */
  connection: Redis['stream'] | undefined;
}

interface ReplyWriterEvents {
  callerGone(): void;
  /** The answers to these entries are in the stream, or never can be. */
  kept(entryIds: readonly string[]): void;
}

/**
 * Writes frames to one calling process. They are published, and added to its reply stream a moment later and together with
 * others, for a caller whose connection was broken when they were published.
 *
 * What comes first in a turn of the event loop leaves at once; what follows in that turn leaves together at its end, parts of one
 * call as one run. The order within a call is kept, that between calls is not.
 *
 * Redis is asked not to answer a publication, which would wake it and this process once more for every part. It answers the
 * addition to the stream, which comes after it on the same connection. When that fails, everything since the last one is
 * published again, in order and before anything new; the reader drops what it has seen. The stream is never created here
 * (NOMKSTREAM): when it stays away, so does the caller.
 */
export class ReplyWriter {
  private queue: string[] = [];
  /** Entries whose last frame is in the queue, or has been. */
  private finished: string[] = [];
  /** The run of each call that further parts can still join, and its place in the queue. */
  private readonly openRuns = new Map<number, { sequence: number; parts: string[]; at: number }>();
  private queuedCharacters = 0;
  /** Of whoever waits for room in the queue. */
  private waiters: (() => void)[] = [];
  /** Of whoever waits until Redis has handed on what was written. */
  private listeners: (() => void)[] = [];
  /** Something has left in this turn already, or is about to. */
  private isTurnTaken = false;
  /** Batches that are not in the stream yet, and not on their way to it. */
  private unkept: Batch[] = [];
  private isKeeping = false;
  /** Everything that is not in the stream has been published on this one; else nothing new may be. */
  private connection: Redis['stream'] | undefined;
  private gone = false;
  private readonly publication: Publication;

  constructor(
    private readonly redis: Redis,
    private readonly replyTo: string,
    readonly turn: Turn,
    private readonly events: ReplyWriterEvents,
  ) {
    this.publication = new Publication(channelOf(replyTo));
  }

  /** `part` is JSON. Undefined while there is room in the buffer, else a promise of room. */
  part(call: number, sequence: number, part: string): Promise<void> | undefined {
    const run = this.openRuns.get(call);
    if (run) run.parts.push(part);
    else this.openRuns.set(call, { sequence, parts: [part], at: this.queue.push('') - 1 });
    return this.added(part.length);
  }

  /** The last frame of an answer, as are `error` and `end`: when it is kept, so is the answer to that entry. */
  result(call: number, sequence: number, result: unknown, entryId: string): void {
    this.add(call, `[${call},${sequence},"result",${encodePayload(result)}]`, entryId);
  }

  error(call: number, sequence: number, error: WireError, entryId: string): void {
    this.add(call, `[${call},${sequence},"error",${JSON.stringify(error)}]`, entryId);
  }

  end(call: number, sequence: number, entryId: string): void {
    this.add(call, `[${call},${sequence},"end"]`, entryId);
  }

  /** Asks how far the reader has come. */
  wait(call: number, sequence: number): void {
    this.add(call, `[${call},${sequence},"wait"]`);
  }

  /**
   * Resolves when Redis has handed on what was written before, or is away: a PING, one for all who ask in a turn of the event
   * loop. Until then this process leaves its core to those who read, and is not further ahead of them than a turn.
   */
  handedOn(): Promise<void> {
    return new Promise((resolve) => {
      this.listeners.push(resolve);
      if (!this.isTurnTaken) void this.added(0);
    });
  }

  private add(call: number, frame: string, entryId?: string): void {
    this.closeRun(call);
    this.queue.push(frame);
    if (entryId !== undefined) this.finished.push(entryId);
    void this.added(frame.length);
  }

  private added(characters: number): Promise<void> | undefined {
    this.queuedCharacters += characters;
    if (!this.isTurnTaken) {
      this.isTurnTaken = true;
      queueMicrotask(() => this.publishQueued());
    }
    if (this.queuedCharacters <= QUEUED_CHARACTERS_MAX) return undefined;
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  private publishQueued(): void {
    const { stream } = this.redis;
    while (this.queue.length > 0 && !stream.writableNeedDrain) this.publish(this.takeBatch());
    if (this.queue.length > 0) return void drained(stream).then(() => this.publishQueued());
    for (const resolve of this.waiters.splice(0)) resolve();
    setImmediate(() => {
      this.turn.begin();
      this.askForListeners();
      this.isTurnTaken = this.queue.length > 0;
      if (this.isTurnTaken) this.publishQueued();
    });
  }

  private askForListeners(): void {
    if (this.listeners.length === 0 || this.queue.length > 0) return;
    const listeners = this.listeners.splice(0);
    const answer = () => {
      this.turn.begin();
      for (const resolve of listeners) resolve();
    };
    this.redis.ping().then(answer, answer);
  }

  private publish(batch: Batch): void {
    const isIdle = this.unkept.length === 0 && !this.isKeeping;
    if (isIdle) this.connection = this.redis.stream;
    if (this.connection === this.redis.stream) this.write(batch);
    this.unkept.push(batch);
    if (this.isKeeping) return;
    this.isKeeping = true;
    setTimeout(() => void this.keep(), KEEP_WITHIN_MS);
  }

  private write(batch: Batch): void {
    const { status, stream } = this.redis;
    if (status === 'ready' && stream.writable) {
      stream.write(this.publication.of(batch.frames));
      batch.connection = stream;
    } else this.connection = undefined; // Nothing may overtake it.
  }

  private async keep(): Promise<void> {
    const batches = this.unkept;
    this.unkept = [];
    await this.untilThere(() => this.sendKept(batches));
    const entryIds = batches.flatMap(({ finished }) => finished);
    if (entryIds.length > 0) this.events.kept(entryIds);
    this.isKeeping = this.unkept.length > 0;
    if (!this.isKeeping) return;
    this.publishHeldBack();
    setTimeout(() => void this.keep(), KEEP_WITHIN_MS);
  }

  /** What came while it was not known what had been published. */
  private publishHeldBack(): void {
    if (this.connection === this.redis.stream) return;
    this.connection = this.redis.stream;
    for (const batch of this.unkept) this.write(batch);
  }

  private closeRun(call: number): void {
    const run = this.openRuns.get(call);
    if (!run) return;
    this.queue[run.at] = `[${call},${run.sequence},"parts",[${run.parts.join(',')}]]`;
    this.openRuns.delete(call);
  }

  private takeBatch(): Batch {
    for (const call of this.openRuns.keys()) this.closeRun(call);
    const frames = firstOf(this.queue);
    this.queue = this.queue.slice(frames.length);
    if (this.queue.length === 0) this.queuedCharacters = 0;
    const finished = this.queue.length === 0 ? this.finished.splice(0) : [];
    return { frames: frames.join(','), finished, connection: undefined };
  }

  /** Until it is in the stream, or never can be. */
  private async untilThere(send: () => Promise<boolean>): Promise<void> {
    const startedAt = Date.now();
    while (!this.gone) {
      const isThere = await send().catch(() => undefined);
      if (isThere) return;
      const giveUpAfterMs = isThere === undefined ? RETRY_FOR_MS : CALLER_GONE_AFTER_MS;
      if (Date.now() - startedAt > giveUpAfterMs) return this.giveUp();
      await sleep(RETRY_EVERY_MS);
    }
  }

  /** Resolves to whether the caller has a stream; between two connections it has that, but no subscription. */
  private async sendKept(batches: readonly Batch[]): Promise<boolean> {
    const { stream } = this.redis;
    for (const batch of batches) {
      if (batch.connection === stream) continue;
      await this.redis.publish(this.publication.channel, `[${batch.frames}]`);
      batch.connection = stream;
    }
    for (let rest = batches.map(({ frames }) => frames); rest.length > 0;) {
      const together = firstOf(rest);
      const entryId = await this.redis.xadd(this.replyTo, 'NOMKSTREAM', '*', 'f', `[${together.join(',')}]`);
      if (entryId === null) return false;
      rest = rest.slice(together.length);
    }
    return true;
  }

  private giveUp(): void {
    this.gone = true;
    this.events.callerGone();
  }
}

/** As many as fit a message, at least one. */
function firstOf(texts: readonly string[]): readonly string[] {
  let [count, characters] = [0, 0];
  for (const { length } of texts) {
    if (count > 0 && characters + length > BATCH_CHARACTERS_MAX) return texts.slice(0, count);
    count += 1;
    characters += length;
  }
  return texts;
}
