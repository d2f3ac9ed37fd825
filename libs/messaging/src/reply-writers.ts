import type { Redis } from 'ioredis';
import { ReplyWriter } from './reply-writer.js';

/** One writer for each calling process that something is running for. */
export class ReplyWriters {
  private readonly entries = new Map<string, { writer: ReplyWriter; users: number }>();

  constructor(
    private readonly redis: Redis,
    private readonly onCallerGone: (replyTo: string) => void,
  ) {}

  /** Every `acquire` is followed by one `release`. */
  acquire(replyTo: string): ReplyWriter {
    const entry = this.entries.get(replyTo) ?? { writer: this.open(replyTo), users: 0 };
    entry.users += 1;
    this.entries.set(replyTo, entry);
    return entry.writer;
  }

  release(replyTo: string): void {
    const entry = this.entries.get(replyTo);
    if (!entry) return;
    entry.users -= 1;
    if (entry.users === 0) this.entries.delete(replyTo);
  }

  private open(replyTo: string): ReplyWriter {
    return new ReplyWriter(this.redis, replyTo, () => this.onCallerGone(replyTo));
  }
}
