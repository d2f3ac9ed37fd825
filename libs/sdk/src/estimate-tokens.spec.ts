import { estimateTokens } from './index.js';

it.each([
  ['', 0, 0],
  // What o200k makes of them is in the middle.
  ['A gateway stands between an application and its language models.', 9, 15],
  ['2026-11-21T10:30:00Z 192.168.100.200 503', 20, 36],
  ['网关位于应用程序和语言模型之间。', 8, 14],
])('%j has about %i to %i tokens', (text, least, most) => {
  expect(estimateTokens(text)).toBeGreaterThanOrEqual(least);
  expect(estimateTokens(text)).toBeLessThanOrEqual(most);
});
