import { setImmediate as turn } from 'node:timers/promises';
import { SharedRun } from './shared-run.js';

interface Part {
  number: number;
}

/** Work that goes on when it is told to. */
function work() {
  let next: (() => void) | undefined;
  let signal: AbortSignal | undefined;
  let starts = 0;
  async function* parts(given: AbortSignal): AsyncGenerator<Part> {
    starts += 1;
    signal = given;
    for (let number = 1; number <= 3; number += 1) {
      await new Promise<void>((resolve) => (next = resolve));
      given.throwIfAborted();
      yield { number };
    }
  }
  return {
    parts,
    goOn: async () => {
      await turn();
      next?.();
      await turn();
    },
    isAborted: () => signal?.aborted,
    starts: () => starts,
  };
}

const never = new AbortController().signal;

async function readAll(run: SharedRun<Part>, signal = never): Promise<number[]> {
  const numbers: number[] = [];
  for await (const { number } of run.read(signal)) numbers.push(number);
  return numbers;
}

it('every reader gets every part, whenever it joins, from one piece of work', async () => {
  const { parts, goOn, starts } = work();
  const onEnd = jest.fn();
  const run = new SharedRun(parts, onEnd);
  const early = readAll(run);
  await goOn();
  const late = readAll(run);
  await goOn();
  await goOn();
  expect([await early, await late]).toEqual([
    [1, 2, 3],
    [1, 2, 3],
  ]);
  expect(starts()).toBe(1);
  expect(onEnd).toHaveBeenCalledTimes(1);
});

it('the work goes on while anyone reads, and is aborted when the last one leaves', async () => {
  const { parts, goOn, isAborted } = work();
  const onEnd = jest.fn();
  const run = new SharedRun(parts, onEnd);
  const [first, second] = [new AbortController(), new AbortController()];
  const leaving = [readAll(run, first.signal), readAll(run, second.signal)].map((each) => each.catch(() => 'left'));
  await goOn();
  first.abort();
  expect(await leaving[0]).toBe('left');
  expect(isAborted()).toBe(false);
  second.abort();
  expect(await leaving[1]).toBe('left');
  expect(isAborted()).toBe(true);
  expect(onEnd).toHaveBeenCalledTimes(1);
});

it('what the work fails with is what every reader hears', async () => {
  async function* failing(): AsyncGenerator<Part> {
    yield { number: 1 };
    throw new Error('broken');
  }
  const run = new SharedRun(failing, () => undefined);
  const readers = [readAll(run), readAll(run)];
  for (const reader of readers) await expect(reader).rejects.toThrow('broken');
});
