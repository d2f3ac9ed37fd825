import type { Redis } from 'ioredis';
import { encodeFrame, type Frame } from './wire.js';

/** Frames that wait for one XADD are joined up to this size. */
const BATCH_BYTES_MAX = 1024 * 1024;
/** A stream that is written faster than Redis takes it waits above this. */
const BUFFER_BYTES_MAX = 4 * 1024 * 1024;
/** How long answers wait for a Redis that is away; after it they are given up. */
const RETRY_FOR_MS = 10_000;
const RETRY_EVERY_MS = 100;

/**
 * Writes frames to the reply stream of one calling process, in order, one XADD at a time.
 *
 * What arrives while an XADD is under way goes into the next one: a lone frame leaves at once, a flood is batched, and
 * nothing waits for a timer. An XADD whose answer was lost is repeated; the reader drops what it has seen by sequence.
 * The stream is never created here (NOMKSTREAM): when it is gone, so is the caller.
 */
export class ReplyWriter {
  private queue: string[] = [];
  private bufferedBytes = 0;
  private flushing: Promise<void> | undefined;
  private gone = false;

  constructor(
    private readonly redis: Redis,
    private readonly replyTo: string,
    private readonly onCallerGone: () => void,
  ) {}

  /** Resolves at once while there is room in the buffer, else when the buffer has been written. */
  async write(frame: Frame): Promise<void> {
    if (this.gone) return;
    const encoded = encodeFrame(frame);
    this.queue.push(encoded);
    this.bufferedBytes += encoded.length;
    this.flushing ??= this.flush();
    if (this.bufferedBytes > BUFFER_BYTES_MAX) await this.flushing;
  }

  /** Resolves when everything written so far has left. */
  async flushed(): Promise<void> {
    await this.flushing;
  }

  private async flush(): Promise<void> {
    await Promise.resolve(); // Lets the frames of this very tick join the first batch.
    while (this.queue.length > 0 && !this.gone) {
      const batch = this.takeBatch();
      if (!(await this.add(`[${batch.join(',')}]`))) this.giveUp();
    }
    this.flushing = undefined;
  }

  private takeBatch(): string[] {
    let bytes = 0;
    let count = 0;
    for (const frame of this.queue) {
      if (count > 0 && bytes + frame.length > BATCH_BYTES_MAX) break;
      bytes += frame.length;
      count += 1;
    }
    this.bufferedBytes -= bytes;
    return this.queue.splice(0, count);
  }

  private async add(frames: string): Promise<boolean> {
    const giveUpAt = Date.now() + RETRY_FOR_MS;
    for (;;) {
      try {
        return (await this.redis.xadd(this.replyTo, 'NOMKSTREAM', '*', 'f', frames)) !== null;
      } catch {
        if (Date.now() > giveUpAt) return false;
        await new Promise((resolve) => setTimeout(resolve, RETRY_EVERY_MS));
      }
    }
  }

  private giveUp(): void {
    this.gone = true;
    this.queue = [];
    this.bufferedBytes = 0;
    this.onCallerGone();
  }
}
