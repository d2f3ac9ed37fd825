import { AppError } from '@tollgate/contracts';
import { OUT_OF_BAND, type Frame } from './wire.js';

interface CallEvents {
  /** Once; with the error if there was one. */
  settled(error?: AppError): void;
  /** The other side waits to hear that everything up to this number of parts has been read. */
  read(parts: number): void;
}

/**
 * The caller's side of one request: takes its frames in order and hands them out.
 *
 * Frames that were seen before are dropped; a hole ends the call with `reply_lost`.
 */
export class Call {
  private buffer: unknown[] = [];
  private nextSequence = 0;
  private isSettled = false;
  private isAwaited = false;
  private failure: AppError | undefined;
  private result: unknown;
  private wake: (() => void) | undefined;

  constructor(
    readonly number: number,
    private readonly events: CallEvents,
  ) {}

  /** Something before it has not arrived. */
  isAhead([, sequence]: Frame): boolean {
    return sequence > this.nextSequence;
  }

  accept(frame: Frame): void {
    if (this.isSettled) return;
    const [, sequence, kind, payload] = frame;
    if (kind === 'error' && sequence === OUT_OF_BAND) return this.fail(AppError.fromWire(payload));
    if (this.isAhead(frame)) return this.fail(new AppError('reply_lost', 'Part of the answer was lost on its way.'));
    if (kind === 'parts') return this.acceptParts(sequence, payload);
    if (sequence < this.nextSequence) return;
    switch (kind) {
      case 'wait':
        this.isAwaited = true;
        if (this.buffer.length === 0) this.reportRead();
        return;
      case 'result':
        this.result = payload;
        return this.settle();
      case 'end':
        return this.settle();
      case 'error':
        return this.fail(AppError.fromWire(payload));
      default:
        return kind satisfies never;
    }
  }

  fail(error: AppError): void {
    if (this.isSettled) return;
    this.failure = error;
    this.settle();
  }

  get hasEnded(): boolean {
    return this.isSettled;
  }

  /** The answer of a request contract. */
  async whole(): Promise<unknown> {
    while (!this.isSettled) await this.changed();
    if (this.failure) throw this.failure;
    return this.result;
  }

  /** The next parts of a stream, at least one; undefined at its end. What came before a failure is handed out first. */
  async nextParts(): Promise<unknown[] | undefined> {
    for (;;) {
      if (this.buffer.length > 0) {
        const parts = this.buffer;
        this.buffer = [];
        return parts;
      }
      if (this.failure) throw this.failure;
      if (this.isSettled) return undefined;
      if (this.isAwaited) this.reportRead();
      await this.changed();
    }
  }

  /** Parts handed to the reader of this call so far. */
  private get readCount(): number {
    return this.nextSequence - this.buffer.length;
  }

  private acceptParts(sequence: number, parts: unknown[]): void {
    const fresh = this.nextSequence - sequence;
    if (fresh >= parts.length) return;
    this.nextSequence = sequence + parts.length;
    const unseen = fresh > 0 ? parts.slice(fresh) : parts;
    if (this.buffer.length === 0) this.buffer = unseen;
    else for (const part of unseen) this.buffer.push(part);
    this.wake?.();
  }

  private reportRead(): void {
    this.isAwaited = false;
    this.events.read(this.readCount);
  }

  private changed(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }

  private settle(): void {
    this.isSettled = true;
    this.events.settled(this.failure);
    this.wake?.();
  }
}
