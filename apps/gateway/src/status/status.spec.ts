import { formatBytes, formatDuration } from './metrics-summary.js';
import { wantsPrometheus } from './wants-prometheus.js';

it.each([
  [undefined, false],
  ['*/*', false],
  ['application/json', false],
  ['text/html,application/xhtml+xml,*/*;q=0.8', false],
  ['text/plain', true],
  ['application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1', true],
])('Accept: %s is a scraper: %s', (accept, isScraper) => {
  expect(wantsPrometheus(accept)).toBe(isScraper);
});

it('sizes and times are written as documented', () => {
  expect([formatBytes(2_345_000_000), formatBytes(153_400_000)]).toEqual(['2.3GB', '153MB']);
  expect([formatDuration(87_330.9), formatDuration(5)]).toEqual(['24h 15m 30s', '0h 0m 5s']);
});
