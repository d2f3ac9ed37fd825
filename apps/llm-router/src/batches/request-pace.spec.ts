import { RequestPace } from './request-pace.js';

it('no minute has more starts than the plan allows, and none waits longer than it must', () => {
  let now = 0;
  const pace = new RequestPace(20, () => now);
  const starts: number[] = [];
  while (starts.length < 100) {
    const waitMs = pace.take();
    if (waitMs === 0) starts.push(now);
    now += waitMs === 0 ? 700 : waitMs;
  }
  for (const start of starts) {
    expect(starts.filter((other) => other >= start && other < start + 60_000).length).toBeLessThanOrEqual(20);
  }
  expect(starts[20]).toBe(60_000);
});
