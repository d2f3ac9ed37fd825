import { setImmediate as nextTurn } from 'node:timers/promises';
import { MicroBatch } from './micro-batch.js';

/** A batch that notes what it was run with, and ends when it is told to. */
function newBatches(gather = { from: 3, upTo: 4, withinMs: 60_000 }) {
  const runs: { items: readonly number[]; end: () => void }[] = [];
  const run = (items: readonly number[]) =>
    new Promise<readonly number[]>((resolve) => {
      runs.push({ items, end: () => resolve(items.map((item) => item * 10)) });
    });
  const batch = new MicroBatch<number, number>(run, { sizeMax: 10, gather, isRefusal: () => false });
  const endOf = async (index: number) => {
    runs[index]?.end();
    await nextTurn();
  };
  return { batch, itemsOf: () => runs.map(({ items }) => items), endOf };
}

describe('a micro batch', () => {
  it('is run at once for an item that is alone, and again for those that came meanwhile', async () => {
    const { batch, itemsOf, endOf } = newBatches();
    const results = [batch.add(1)];
    await nextTurn();
    results.push(batch.add(2), batch.add(3));
    await endOf(0);
    await endOf(1);
    expect(itemsOf()).toEqual([[1], [2, 3]]);
    expect(await Promise.all(results)).toEqual([10, 20, 30]);
  });

  it('of a crowd is followed by one that waits until it is worth it', async () => {
    const { batch, itemsOf, endOf } = newBatches();
    for (const item of [1, 2, 3]) void batch.add(item);
    await nextTurn();
    await endOf(0);
    for (const item of [4, 5, 6]) void batch.add(item);
    await nextTurn();
    expect(itemsOf()).toEqual([[1, 2, 3]]);
    void batch.add(7);
    await nextTurn();
    expect(itemsOf()).toEqual([
      [1, 2, 3],
      [4, 5, 6, 7],
    ]);
  });

  it('of a crowd is followed by a small one before long', async () => {
    const { batch, itemsOf, endOf } = newBatches({ from: 2, upTo: 4, withinMs: 1 });
    for (const item of [1, 2]) void batch.add(item);
    await nextTurn();
    await endOf(0);
    const last = batch.add(3);
    while (itemsOf().length < 2) await nextTurn();
    await endOf(1);
    expect(await last).toBe(30);
  });
});
