import { priceOf } from './cost.js';

const prices = { input: 150_000n, cachedInput: 75_000n, output: 600_000n };

describe('priceOf', () => {
  it('prices a million tokens of each kind at the listed price', () => {
    expect(priceOf({ input: 1_000_000, cached: 0, output: 0 }, prices)).toBe(150_000n);
    expect(priceOf({ input: 1_000_000, cached: 1_000_000, output: 0 }, prices)).toBe(75_000n);
    expect(priceOf({ input: 0, cached: 0, output: 1_000_000 }, prices)).toBe(600_000n);
  });

  it('does not charge cached tokens a second time as input', () => {
    expect(priceOf({ input: 1_000_000, cached: 400_000, output: 0 }, prices)).toBe(90_000n + 30_000n);
  });

  it('rounds up, so that a priced token is never free', () => {
    expect(priceOf({ input: 1, cached: 0, output: 0 }, prices)).toBe(1n);
    expect(priceOf({ input: 0, cached: 0, output: 0 }, prices)).toBe(0n);
  });

  it('stays exact where a float would not', () => {
    const tokens = { input: 2_147_483_647, cached: 0, output: 0 };
    expect(priceOf(tokens, { ...prices, input: 9_007_199_254_740_993n })).toBe(19_342_813_104_826_869_689n);
  });
});
