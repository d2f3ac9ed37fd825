import { setTimeout as sleep } from 'node:timers/promises';
import type { WireError } from '@tollgate/contracts';
import type { Redis } from 'ioredis';
import { channelOf, encodePayload } from './wire.js';

/** Frames that wait are joined up to this size: a reader gets nothing of a message before it has all of it. */
const BATCH_CHARACTERS_MAX = 128 * 1024;
/** How long what was published waits for more before it is added to the stream. */
const KEEP_WITHIN_MS = 10;
/** Writers that are faster than Redis wait above this. */
const BUFFER_CHARACTERS_MAX = 4 * 1024 * 1024;
/** How long answers wait for a Redis that is away, or for a caller that comes back to an emptied one. */
const RETRY_FOR_MS = 10_000;
const CALLER_GONE_AFTER_MS = 2_000;
const RETRY_EVERY_MS = 50;

/**
 * Writes frames to one calling process. They are published, one batch at a time, and added to its reply stream a moment
 * later and together with others, for a caller whose connection was broken when they were published.
 *
 * What arrives while a batch is under way goes into the next one, parts of one call as one run: a lone frame leaves at once,
 * a flood is batched, and nothing waits for a timer. The order within a call is kept, that between calls is not. A batch
 * whose answer was lost is repeated; the reader drops what it has seen. The stream is never created here (NOMKSTREAM):
 * when it stays away, so does the caller.
 */
export class ReplyWriter {
  private queue: string[] = [];
  /** The run of each call that further parts can still join, and its place in the queue. */
  private readonly openRuns = new Map<number, { sequence: number; parts: string[]; at: number }>();
  private bufferedCharacters = 0;
  private isFlushing = false;
  /** Of whoever waits for what is in the queue now. */
  private waiters: (() => void)[] = [];
  /** Batches that were published and are not in the stream yet. */
  private unkept: string[] = [];
  private keeping: Promise<void> | undefined;
  private gone = false;
  private readonly channel: string;

  constructor(
    private readonly redis: Redis,
    private readonly replyTo: string,
    private readonly onCallerGone: () => void,
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

  result(call: number, sequence: number, result: unknown): void {
    this.add(call, `[${call},${sequence},"result",${encodePayload(result)}]`);
  }

  error(call: number, sequence: number, error: WireError): void {
    this.add(call, `[${call},${sequence},"error",${JSON.stringify(error)}]`);
  }

  end(call: number, sequence: number): void {
    this.add(call, `[${call},${sequence},"end"]`);
  }

  /** Asks how far the reader has come. */
  wait(call: number, sequence: number): void {
    this.add(call, `[${call},${sequence},"wait"]`);
  }

  /** Resolves when everything written so far is in the stream, or never can be. */
  async kept(): Promise<void> {
    if (this.isFlushing) await this.flushed();
    await this.keeping;
  }

  private add(call: number, frame: string): void {
    this.closeRun(call);
    this.queue.push(frame);
    void this.added(frame.length);
  }

  private added(characters: number): Promise<void> | undefined {
    this.bufferedCharacters += characters;
    if (!this.isFlushing) void this.flush();
    return this.bufferedCharacters > BUFFER_CHARACTERS_MAX ? this.flushed() : undefined;
  }

  private flushed(): Promise<void> {
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  private async flush(): Promise<void> {
    this.isFlushing = true;
    await Promise.resolve(); // Lets the frames of this very tick join the first batch.
    while (this.queue.length > 0 || this.waiters.length > 0) {
      const waiters = this.waiters;
      this.waiters = [];
      for (const batch of this.takeBatches()) await this.publish(batch);
      for (const resolve of waiters) resolve();
    }
    this.isFlushing = false;
  }

  private async publish(batch: string): Promise<void> {
    await this.write(() => this.sendPublished(batch));
    this.unkept.push(batch);
    this.keeping ??= this.keep();
  }

  private async keep(): Promise<void> {
    await sleep(KEEP_WITHIN_MS);
    this.keeping = undefined;
    const batches = this.unkept;
    this.unkept = [];
    await this.write(() => this.sendKept(batches));
  }

  private closeRun(call: number): void {
    const run = this.openRuns.get(call);
    if (!run) return;
    this.queue[run.at] = `[${call},${run.sequence},"parts",[${run.parts.join(',')}]]`;
    this.openRuns.delete(call);
  }

  private takeBatches(): string[] {
    for (const call of this.openRuns.keys()) this.closeRun(call);
    const frames = this.queue;
    this.queue = [];
    this.bufferedCharacters = 0;
    return inBatches(frames);
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
  private async sendPublished(batch: string): Promise<boolean> {
    return (await this.redis.publish(this.channel, batch)) > 0 || (await this.redis.exists(this.replyTo)) > 0;
  }

  private async sendKept(batches: readonly string[]): Promise<boolean> {
    const fields = batches.flatMap((batch) => ['f', batch]);
    return (await this.redis.xadd(this.replyTo, 'NOMKSTREAM', '*', ...fields)) !== null;
  }

  private giveUp(): void {
    this.gone = true;
    this.onCallerGone();
  }
}

/** JSON arrays of bounded size. */
function inBatches(frames: readonly string[]): string[] {
  const batches: string[] = [];
  let batch: string[] = [];
  let characters = 0;
  for (const frame of frames) {
    if (batch.length > 0 && characters + frame.length > BATCH_CHARACTERS_MAX) {
      batches.push(`[${batch.join(',')}]`);
      batch = [];
      characters = 0;
    }
    batch.push(frame);
    characters += frame.length;
  }
  if (batch.length > 0) batches.push(`[${batch.join(',')}]`);
  return batches;
}
