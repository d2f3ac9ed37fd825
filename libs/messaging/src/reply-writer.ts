import { setTimeout as sleep } from 'node:timers/promises';
import type { WireError } from '@tollgate/contracts';
import type { Redis } from 'ioredis';
import type { Turn } from './turn.js';
import { channelOf, encodePayload } from './wire.js';

/** Frames that wait are joined up to this size: a reader gets nothing of a message before it has all of it. */
const BATCH_CHARACTERS_MAX = 128 * 1024;
/** Batches that may be on their way to Redis at once; more would only make them smaller. */
const UNDER_WAY_MAX = 2;
/** How long what was published waits for more before it is added to the stream. */
const KEEP_WITHIN_MS = 10;
/** Writers that are faster than Redis wait above this. */
const BUFFER_CHARACTERS_MAX = 4 * 1024 * 1024;
/** How long answers wait for a Redis that is away, or for a caller that comes back to an emptied one. */
const RETRY_FOR_MS = 10_000;
const CALLER_GONE_AFTER_MS = 2_000;
const RETRY_EVERY_MS = 50;

interface Batch {
  /** JSON of frames, with commas between them. */
  frames: string;
  /** Ids of the request entries whose last frame is here or in an earlier batch. */
  finished: string[];
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
 * What arrives while batches are under way goes into the next one, parts of one call as one run: a lone frame leaves at once,
 * a flood is batched, and nothing waits for a timer. The order within a call is kept, that between calls is not. Batches whose
 * answer was lost are repeated, in order; the reader drops what it has seen. The stream is never created here (NOMKSTREAM):
 * when it stays away, so does the caller.
 */
export class ReplyWriter {
  private queue: string[] = [];
  /** Entries whose last frame is in the queue, or has been. */
  private finished: string[] = [];
  /** The run of each call that further parts can still join, and its place in the queue. */
  private readonly openRuns = new Map<number, { sequence: number; parts: string[]; at: number }>();
  private bufferedCharacters = 0;
  private isScheduled = false;
  private underWay = 0;
  /** Batches of which nobody knows whether they have been published. */
  private unsure: Batch[] = [];
  /** Of whoever waits for room in the queue. */
  private waiters: (() => void)[] = [];
  /** Batches that were published and are not in the stream yet. */
  private unkept: Batch[] = [];
  private isKeeping = false;
  private gone = false;
  private readonly channel: string;

  constructor(
    private readonly redis: Redis,
    private readonly replyTo: string,
    readonly turn: Turn,
    private readonly events: ReplyWriterEvents,
  ) {
    this.channel = channelOf(replyTo);
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

  private add(call: number, frame: string, entryId?: string): void {
    this.closeRun(call);
    this.queue.push(frame);
    if (entryId !== undefined) this.finished.push(entryId);
    void this.added(frame.length);
  }

  private added(characters: number): Promise<void> | undefined {
    this.bufferedCharacters += characters;
    this.schedule();
    if (this.bufferedCharacters <= BUFFER_CHARACTERS_MAX) return undefined;
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  /** The frames of this very tick join the batch. */
  private schedule(): void {
    if (this.isScheduled || this.underWay === UNDER_WAY_MAX || this.unsure.length > 0) return;
    this.isScheduled = true;
    queueMicrotask(() => this.publishQueued());
  }

  private publishQueued(): void {
    this.isScheduled = false;
    while (this.queue.length > 0 && this.underWay < UNDER_WAY_MAX) void this.publish(this.takeBatch());
  }

  private async publish(batch: Batch): Promise<void> {
    this.underWay += 1;
    const receivers = await this.redis.publish(this.channel, `[${batch.frames}]`).catch(() => 0);
    this.underWay -= 1;
    this.turn.begin();
    if (receivers > 0) this.keepSoon(batch);
    else this.unsure.push(batch);
    if (this.unsure.length === 0) this.schedule();
    else if (this.underWay === 0) await this.repeatUnsure();
  }

  private async repeatUnsure(): Promise<void> {
    for (const batch of this.unsure) {
      await this.write(() => this.publishAgain(batch));
      this.keepSoon(batch);
    }
    this.unsure = [];
    this.schedule();
  }

  private keepSoon(batch: Batch): void {
    this.unkept.push(batch);
    if (this.isKeeping) return;
    this.isKeeping = true;
    setTimeout(() => void this.keep(), KEEP_WITHIN_MS);
  }

  private async keep(): Promise<void> {
    const batches = this.unkept;
    this.unkept = [];
    await this.write(() => this.sendKept(batches));
    const entryIds = batches.flatMap(({ finished }) => finished);
    if (entryIds.length > 0) this.events.kept(entryIds);
    this.isKeeping = this.unkept.length > 0;
    if (this.isKeeping) setTimeout(() => void this.keep(), KEEP_WITHIN_MS);
  }

  private closeRun(call: number): void {
    const run = this.openRuns.get(call);
    if (!run) return;
    this.queue[run.at] = `[${call},${run.sequence},"parts",[${run.parts.join(',')}]]`;
    this.openRuns.delete(call);
  }

  private takeBatch(): Batch {
    for (const call of this.openRuns.keys()) this.closeRun(call);
    const [frames, characters] = firstOf(this.queue);
    this.queue = this.queue.slice(frames.length);
    this.bufferedCharacters = this.queue.length === 0 ? 0 : this.bufferedCharacters - characters;
    if (this.bufferedCharacters <= BUFFER_CHARACTERS_MAX) for (const resolve of this.waiters.splice(0)) resolve();
    const finished = this.queue.length === 0 ? this.finished.splice(0) : [];
    return { frames: frames.join(','), finished };
  }

  /** Until it is written, or never can be. */
  private async write(send: () => Promise<boolean>): Promise<void> {
    const startedAt = Date.now();
    while (!this.gone) {
      const isThere = await send().catch(() => undefined);
      if (isThere) return;
      const giveUpAfterMs = isThere === undefined ? RETRY_FOR_MS : CALLER_GONE_AFTER_MS;
      if (Date.now() - startedAt > giveUpAfterMs) return this.giveUp();
      await sleep(RETRY_EVERY_MS);
    }
  }

  /** Resolves to whether the caller is there. Between two connections it has no subscription, but still its stream. */
  private async publishAgain({ frames }: Batch): Promise<boolean> {
    return (await this.redis.publish(this.channel, `[${frames}]`)) > 0 || (await this.redis.exists(this.replyTo)) > 0;
  }

  private async sendKept(batches: readonly Batch[]): Promise<boolean> {
    const fields: string[] = [];
    for (let rest = batches.map(({ frames }) => frames); rest.length > 0;) {
      const [together] = firstOf(rest);
      fields.push('f', `[${together.join(',')}]`);
      rest = rest.slice(together.length);
    }
    return (await this.redis.xadd(this.replyTo, 'NOMKSTREAM', '*', ...fields)) !== null;
  }

  private giveUp(): void {
    this.gone = true;
    this.events.callerGone();
  }
}

/** As many as fit a message, at least one, and their size. */
function firstOf(texts: readonly string[]): [together: readonly string[], characters: number] {
  let [count, characters] = [0, 0];
  for (const { length } of texts) {
    if (count > 0 && characters + length > BATCH_CHARACTERS_MAX) return [texts.slice(0, count), characters];
    count += 1;
    characters += length;
  }
  return [texts, characters];
}
