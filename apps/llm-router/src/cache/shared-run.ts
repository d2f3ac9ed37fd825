import { AppError } from '@tollgate/contracts';

/**
 * One piece of work with any number of readers, each of whom gets every part from the first one on, whenever it joins. The
 * work goes on while anyone reads, whoever began it, and is aborted when the last reader has left.
 *
 * Parts are kept until the end: a slow reader slows nobody, and the memory is that of one answer.
 */
export class SharedRun<Part> {
  private readonly parts: Part[] = [];
  private readonly controller = new AbortController();
  private readonly sleepers = new Set<() => void>();
  private readers = 0;
  private end: { error?: unknown } | undefined;

  /** `onEnd` is called once, when nobody new may join any more. */
  constructor(
    work: (signal: AbortSignal) => AsyncIterable<Part>,
    private readonly onEnd: () => void,
  ) {
    void this.run(work);
  }

  /** Raises what the work raised, or the reason of the reader's own signal. */
  async *read(signal: AbortSignal): AsyncGenerator<Part, void> {
    this.readers += 1;
    try {
      for (let next = 0; ;) {
        signal.throwIfAborted();
        const part = this.parts[next];
        if (part !== undefined) {
          next += 1;
          yield part;
        } else if (!this.end) await this.change(signal);
        else if ('error' in this.end) throw this.end.error;
        else return;
      }
    } finally {
      this.readers -= 1;
      if (this.readers === 0 && !this.end) this.abandon();
    }
  }

  private async run(work: (signal: AbortSignal) => AsyncIterable<Part>): Promise<void> {
    await Promise.resolve(); // The first reader joins in this very tick.
    try {
      for await (const part of work(this.controller.signal)) {
        this.parts.push(part);
        this.wake();
      }
      this.finish({});
    } catch (error) {
      this.finish({ error });
    }
  }

  private finish(end: { error?: unknown }): void {
    if (!this.controller.signal.aborted) this.onEnd();
    this.end = end;
    this.wake();
  }

  private abandon(): void {
    this.onEnd();
    this.controller.abort(new AppError('cancelled', 'Nobody waits for the answer any more.'));
  }

  private wake(): void {
    for (const wake of this.sleepers) wake();
  }

  /** Resolves at the next part or end, or when the signal aborts. */
  private change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.sleepers.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.sleepers.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}
