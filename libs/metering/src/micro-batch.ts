export interface MicroBatchOptions {
  sizeMax: number;
  /** After a batch of `from` items or more the next one starts when `upTo` items wait for it, or `withinMs` later. */
  gather: { from: number; upTo: number; withinMs: number };
  /** Is one item the reason of this failure? Then each of the others is tried alone. */
  isRefusal: (error: unknown) => boolean;
}

interface Waiting<Item, Result> {
  item: Item;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

/**
 * Items that arrive while a batch is under way share the next one: a busy row is locked once a batch, not once an item. One batch
 * at a time: a second one would wait for the locks of the first, and both would be half as large for nearly the same work. Where
 * there is a crowd, a short pause between two batches makes them larger for the same reason; an item that is alone never waits.
 */
export class MicroBatch<Item, Result> {
  private waiting: Waiting<Item, Result>[] = [];
  private isRunning = false;
  private endPause: (() => void) | undefined;

  /** @param run returns one result an item, in their order */
  constructor(
    private readonly run: (items: readonly Item[]) => Promise<readonly Result[]>,
    private readonly options: MicroBatchOptions,
  ) {}

  /** Resolves or rejects with what became of the item. */
  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      if (!this.isRunning) void this.runBatches();
      if (this.waiting.length >= this.options.gather.upTo) this.endPause?.();
    });
  }

  private async runBatches(): Promise<void> {
    this.isRunning = true;
    await Promise.resolve(); // Lets the items of this very tick join.
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, this.options.sizeMax);
      await this.runBatch(batch);
      if (batch.length >= this.options.gather.from) await this.pause();
    }
    this.isRunning = false;
  }

  private async pause(): Promise<void> {
    const { upTo, withinMs } = this.options.gather;
    if (this.waiting.length >= upTo) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.endPause = undefined;
  }

  private async runBatch(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.run(batch.map(({ item }) => item));
      for (const [index, { resolve, reject }] of batch.entries()) {
        const result = results[index];
        if (result === undefined) reject(new Error('a batch returned fewer results than it had items'));
        else resolve(result);
      }
    } catch (error) {
      if (batch.length > 1 && this.options.isRefusal(error))
        for (const waiting of batch) await this.runBatch([waiting]);
      else for (const { reject } of batch) reject(error);
    }
  }
}
