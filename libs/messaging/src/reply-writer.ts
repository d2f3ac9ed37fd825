import { setTimeout as sleep } from 'node:timers/promises';
import type { WireError } from '@tollgate/contracts';
import type { Redis } from 'ioredis';
import { encodePayload, type Frame } from './wire.js';

/** Frames that wait for one XADD are joined up to this size. */
const BATCH_CHARACTERS_MAX = 1024 * 1024;
/** Writers that are faster than Redis wait above this. */
const BUFFER_CHARACTERS_MAX = 4 * 1024 * 1024;
/** How long answers wait for a Redis that is away, or for a caller that comes back to an emptied one. */
const RETRY_FOR_MS = 10_000;
const CALLER_GONE_AFTER_MS = 2_000;
const RETRY_EVERY_MS = 50;

/**
 * Writes frames to the reply stream of one calling process, one XADD at a time.
 *
 * What arrives while an XADD is under way goes into the next one, parts of one call as one run: a lone frame leaves at once,
 * a flood is batched, and nothing waits for a timer. The order within a call is kept, that between calls is not. An XADD
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
  private gone = false;

  constructor(
    private readonly redis: Redis,
    private readonly replyTo: string,
    private readonly onCallerGone: () => void,
  ) {}

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

  mark(call: number, sequence: number, kind: Extract<Frame[2], 'end' | 'wait'>): void {
    this.add(call, `[${call},${sequence},"${kind}"]`);
  }

  /** Resolves when everything written so far has left, or never can. */
  flushed(): Promise<void> {
    if (!this.isFlushing) return Promise.resolve();
    return new Promise((resolve) => this.waiters.push(resolve));
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

  private async flush(): Promise<void> {
    this.isFlushing = true;
    await Promise.resolve(); // Lets the frames of this very tick join the first batch.
    while (this.queue.length > 0 || this.waiters.length > 0) {
      const waiters = this.waiters;
      this.waiters = [];
      for (const batch of this.takeBatches()) if (!this.gone && !(await this.write(batch))) this.giveUp();
      for (const resolve of waiters) resolve();
    }
    this.isFlushing = false;
  }

  private closeRun(call: number): void {
    const run = this.openRuns.get(call);
    if (!run) return;
    this.queue[run.at] = `[${call},${run.sequence},"parts",[${run.parts.join(',')}]]`;
    this.openRuns.delete(call);
  }

  /** Everything that waits, in entries of bounded size. */
  private takeBatches(): string[] {
    for (const call of this.openRuns.keys()) this.closeRun(call);
    const frames = this.queue;
    this.queue = [];
    this.bufferedCharacters = 0;
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

  private async write(frames: string): Promise<boolean> {
    const startedAt = Date.now();
    for (;;) {
      const outcome = await this.redis.xadd(this.replyTo, 'NOMKSTREAM', '*', 'f', frames).then(
        (id) => (id === null ? 'no stream' : 'written'),
        () => 'no redis',
      );
      if (outcome === 'written') return true;
      if (Date.now() - startedAt > (outcome === 'no stream' ? CALLER_GONE_AFTER_MS : RETRY_FOR_MS)) return false;
      await sleep(RETRY_EVERY_MS);
    }
  }

  private giveUp(): void {
    this.gone = true;
    this.onCallerGone();
  }
}
