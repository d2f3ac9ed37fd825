import { AppError } from '@tollgate/contracts';
import type { Call } from './call.js';

/**
 * The parts of a stream, one by one. The request is sent when the first one is asked for; `return`, which leaving a
 * `for await` calls, cancels it, also while a part is being waited for.
 *
 * Not an async generator: that one takes three turns of the event loop for each part, and cannot be left while it waits.
 */
export class PartStream<Part> implements AsyncIterableIterator<Part, void> {
  private call: Call | undefined;
  private parts: unknown[] = [];
  private position = 0;
  private hasEnded = false;

  constructor(private readonly send: () => Call) {}

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Part, void>> {
    if (this.position === this.parts.length) return this.nextOfCall();
    return Promise.resolve(this.take());
  }

  return(): Promise<IteratorResult<Part, void>> {
    this.hasEnded = true;
    this.parts = [];
    this.position = 0;
    this.call?.fail(new AppError('cancelled', 'The caller stopped reading.'));
    return Promise.resolve({ done: true, value: undefined });
  }

  private nextOfCall(): Promise<IteratorResult<Part, void>> {
    if (this.hasEnded) return Promise.resolve({ done: true, value: undefined });
    this.call ??= this.send();
    return this.call.nextParts().then((parts) => {
      if (!parts) return this.return();
      this.parts = parts;
      this.position = 0;
      return this.take();
    });
  }

  /** The handler's parts are checked against the contract by the compiler. */
  private take(): IteratorResult<Part, void> {
    const value = this.parts[this.position] as Part;
    this.position += 1;
    return { done: false, value };
  }
}
