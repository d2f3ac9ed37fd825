import { ModelHealth } from './model-health.js';
import { failureOfStatus, ProviderFailure, retryAfterMsOf } from './provider-failure.js';

let now = 1_000_000;
const newHealth = () => new ModelHealth(undefined, () => now);
const failure = (status: number, retryAfterMs?: number) =>
  new ProviderFailure('x', { ...failureOfStatus(status), retryAfterMs });

function fail(health: ModelHealth, status: number, retryAfterMs?: number): void {
  const pass = health.admit();
  if (pass) health.failed(pass, failure(status, retryAfterMs));
}

describe('the health of a model', () => {
  it('is a cool-down after a 429, as long as the provider said, and no failure of the breaker', () => {
    const health = newHealth();
    fail(health, 429, 7_000);
    expect(health.admit()).toBeUndefined();
    expect(health.coolingMs).toBe(7_000);
    now += 7_000;
    for (let n = 0; n < 10; n += 1) {
      fail(health, 429);
      now += health.coolingMs;
    }
    expect(health.isAvailable).toBe(true);
  });

  it('is cooled for ten minutes at most, whatever the provider asks for', () => {
    const health = newHealth();
    fail(health, 429, 86_400_000);
    expect(health.coolingMs).toBe(600_000);
  });

  it('is not touched by requests that were refused, and gone after failures', () => {
    const health = newHealth();
    for (let n = 0; n < 20; n += 1) fail(health, 400);
    expect(health.isAvailable).toBe(true);
    for (let n = 0; n < 20; n += 1) fail(health, 402);
    expect(health.isAvailable).toBe(false);
  });
});

describe('Retry-After', () => {
  const at = Date.parse('2026-01-01T00:00:00Z');
  it.each([
    [{ 'retry-after': '3' }, 3_000],
    [{ 'retry-after': '0.5' }, 500],
    [{ 'retry-after-ms': '250', 'retry-after': '3' }, 250],
    [{ 'retry-after': 'Thu, 01 Jan 2026 00:00:09 GMT' }, 9_000],
    [{ 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' }, 0],
    [{ 'retry-after': 'soon' }, undefined],
    [{}, undefined],
  ])('%j is %p ms', (headers, expected) => {
    expect(retryAfterMsOf(headers, at)).toBe(expected);
  });
});
