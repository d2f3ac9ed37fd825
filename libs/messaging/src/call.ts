import { AppError } from '@tollgate/contracts';
import type { Frame } from './wire.js';

/**
 * The caller's side of one request: takes its frames in order and hands them out.
 *
 * Frames that were seen before are dropped, a hole ends the call with `reply_lost`. `onSettled` runs once, with the error
 * if there was one.
 */
export class Call {
  private readonly buffer: unknown[] = [];
  private nextSequence = 0;
  private settled = false;
  private failure: AppError | undefined;
  private result: unknown;
  private wake: (() => void) | undefined;

  constructor(
    readonly id: string,
    private readonly onSettled: (error?: AppError) => void,
  ) {}

  get isSettled(): boolean {
    return this.settled;
  }

  accept([, sequence, kind, payload]: Frame): void {
    if (this.settled || sequence < this.nextSequence) return;
    if (sequence > this.nextSequence) {
      this.fail(new AppError('reply_lost', 'Part of the answer was lost on its way.'));
      return;
    }
    this.nextSequence += 1;
    switch (kind) {
      case 'part':
        this.buffer.push(payload);
        this.wake?.();
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
    if (this.settled) return;
    this.failure = error;
    this.settle();
  }

  /** The answer of a request contract. */
  async whole(): Promise<unknown> {
    while (!this.settled) await this.changed();
    if (this.failure) throw this.failure;
    return this.result;
  }

  /** The parts of a stream contract; what was received before a failure is handed out before it is thrown. */
  async *parts(): AsyncGenerator<unknown, void> {
    for (;;) {
      if (this.buffer.length > 0) {
        yield* this.buffer.splice(0);
      } else if (this.settled) {
        if (this.failure) throw this.failure;
        return;
      } else {
        await this.changed();
      }
    }
  }

  private changed(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }

  private settle(): void {
    this.settled = true;
    this.onSettled(this.failure);
    this.wake?.();
  }
}
