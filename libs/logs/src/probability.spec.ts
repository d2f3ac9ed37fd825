import fc from 'fast-check';
import {
  benjaminiHochberg,
  clusterProbability,
  poissonLowerTail,
  poissonUpperTail,
  quantileOf,
} from './probability.js';

/** P(X <= count), term by term. */
function summedTail(count: number, mean: number): number {
  let term = Math.exp(-mean);
  let sum = term;
  for (let step = 1; step <= count; step++) {
    term *= mean / step;
    sum += term;
  }
  return sum;
}

const near = (value: number): unknown => expect.closeTo(value, 12);

describe('probability', () => {
  it('agrees with the Poisson distribution summed term by term', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 150 }), fc.double({ min: 0.01, max: 100, noNaN: true }), (count, mean) => {
        expect(poissonLowerTail(count, mean)).toBeCloseTo(summedTail(count, mean), 9);
        expect(poissonUpperTail(count + 1, mean)).toBeCloseTo(1 - summedTail(count, mean), 9);
      }),
    );
  });

  it('keeps the size of tails that are far below one in a billion', () => {
    expect(poissonUpperTail(100, 10) / 5.4e-63).toBeGreaterThan(0.9);
    expect(poissonUpperTail(100, 10) / 5.4e-63).toBeLessThan(1.1);
  });

  it('knows how unlikely it is that points stand together', () => {
    expect(clusterProbability(2, 0.1)).toBeCloseTo(0.19);
    expect(clusterProbability(1, 0.1)).toBe(1);
    expect(clusterProbability(5, 0.01)).toBeLessThan(1e-7);
  });

  it('adjusts p-values so that none falls below its raw value, and in the same order', () => {
    expect(benjaminiHochberg([0.01, 0.04, 0.03, 0.5])).toEqual([0.04, 0.16 / 3, 0.16 / 3, 0.5].map(near));
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1 }), (pValues) => {
        const adjusted = benjaminiHochberg(pValues, pValues.length + 10);
        adjusted.forEach((value, index) => expect(value).toBeGreaterThanOrEqual(Math.min(1, pValues[index] ?? 1)));
        expect(Math.max(...adjusted)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('interpolates quantiles', () => {
    expect(quantileOf([1, 2, 3, 4], 0.5)).toBe(2.5);
    expect(quantileOf([], 0.5)).toBeNaN();
  });
});
