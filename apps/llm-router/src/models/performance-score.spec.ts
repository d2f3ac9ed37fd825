import { performanceScore } from './performance-score.js';

it.each([
  [{ tokensPerSecond: 80, firstTokenMs: 200 }, 100],
  [{ tokensPerSecond: 25, firstTokenMs: 1_000 }, 50],
  [{ tokensPerSecond: 0, firstTokenMs: 50_000 }, 0.3],
  [{ tokensPerSecond: 50, firstTokenMs: 0 }, 100],
])('of %j is %d', (measured, score) => {
  expect(performanceScore(measured)).toBe(score);
});
