export interface MicroBatchOptions {
  sizeMax: number;
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
 * at a time: a second one would wait for the locks of the first, and both would be half as large for nearly the same work.
 */
export class MicroBatch<Item, Result> {
  private waiting: Waiting<Item, Result>[] = [];
  private isRunning = false;

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
    });
  }

  private async runBatches(): Promise<void> {
    this.isRunning = true;
    await Promise.resolve(); // Lets the items of this very tick join.
    while (this.waiting.length > 0) await this.runBatch(this.waiting.splice(0, this.options.sizeMax));
    this.isRunning = false;
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
