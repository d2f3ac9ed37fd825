/**
 * Runs `work` for every item, `concurrency` at a time in their order, and yields results with their index as they come.
 * The first failure aborts the rest and is raised; so does a consumer that leaves.
 */
export async function* inParallel<Item, Result>(
  items: readonly Item[],
  concurrency: number,
  work: (item: Item, signal: AbortSignal) => Promise<Result>,
): AsyncGenerator<[number, Result], void> {
  const controller = new AbortController();
  const running = new Map<number, Promise<[number, Result]>>();
  const waiting = items.entries();
  const startNext = () => {
    const { value } = waiting.next();
    if (value === undefined) return;
    const [index, item] = value;
    const result = work(item, controller.signal).then((settled): [number, Result] => [index, settled]);
    result.catch(() => undefined); // Heard by the race, unless another failure ended it first.
    running.set(index, result);
  };
  try {
    for (let slot = 0; slot < concurrency; slot += 1) startNext();
    while (running.size > 0) {
      const finished = await Promise.race(running.values());
      running.delete(finished[0]);
      startNext();
      yield finished;
    }
  } finally {
    controller.abort();
  }
}
