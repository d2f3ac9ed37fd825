import { setTimeout as sleep } from 'node:timers/promises';
import { inParallel } from './in-parallel.js';

describe('inParallel', () => {
  it('works on every item once and never on more than allowed at a time', async () => {
    let [running, most] = [0, 0];
    const results: [number, number][] = [];
    const items = Array.from({ length: 20 }, (_, index) => index);
    for await (const result of inParallel(items, 3, async (item) => {
      running += 1;
      most = Math.max(most, running);
      await sleep(item % 4);
      running -= 1;
      return item * 2;
    }))
      results.push(result);
    expect(results.sort(([a], [b]) => a - b)).toEqual(items.map((item) => [item, item * 2]));
    expect(most).toBe(3);
  });

  it('aborts the rest when one fails, and starts nothing more', async () => {
    const started: number[] = [];
    const signals: AbortSignal[] = [];
    const run = async () => {
      for await (const _ of inParallel([0, 1, 2, 3, 4], 2, async (item, signal) => {
        started.push(item);
        signals.push(signal);
        if (item === 1) throw new Error('no');
        await sleep(1_000, undefined, { signal });
      }));
    };
    await expect(run()).rejects.toThrow('no');
    expect(started).toEqual([0, 1]);
    expect(signals.every(({ aborted }) => aborted)).toBe(true);
  });
});
