import type { Redis } from 'ioredis';
import { ReplyWriter } from './reply-writer.js';
import { Turn } from './turn.js';

interface ReplyWritersEvents {
  callerGone(replyTo: string): void;
  /** The answers to these request entries are safe. */
  kept(entryIds: readonly string[]): void;
}

/** One writer for each calling process that something is running for. */
export class ReplyWriters {
  private readonly entries = new Map<string, { writer: ReplyWriter; users: number }>();
  private readonly turn = new Turn();

  constructor(
    private readonly redis: Redis,
    private readonly events: ReplyWritersEvents,
  ) {}

  /** All answers are safe, and nobody is writing one. */
  get areIdle(): boolean {
    return this.entries.size === 0;
  }

  /** For one answer. Is followed by one `release`, unless that answer is finished. */
  acquire(replyTo: string): ReplyWriter {
    let entry = this.entries.get(replyTo);
    if (!entry) {
      entry = { writer: this.open(replyTo), users: 0 };
      this.entries.set(replyTo, entry);
    }
    entry.users += 1;
    return entry.writer;
  }

  release(replyTo: string, answers = 1): void {
    const entry = this.entries.get(replyTo);
    if (!entry) return;
    entry.users -= answers;
    if (entry.users === 0) this.entries.delete(replyTo);
  }

  private open(replyTo: string): ReplyWriter {
    return new ReplyWriter(this.redis, replyTo, this.turn, {
      callerGone: () => this.events.callerGone(replyTo),
      kept: (entryIds) => {
        this.release(replyTo, entryIds.length);
        this.events.kept(entryIds);
      },
    });
  }
}
