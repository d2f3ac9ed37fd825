import fc from 'fast-check';
import { GapStatistics } from './gap-statistics.js';
import { exceedanceProbability } from './tail.js';

function gapsOf(times: readonly number[], firstLine = 1): GapStatistics {
  const statistics = new GapStatistics();
  times.forEach((time, index) => statistics.add(time, firstLine + index));
  return statistics;
}

describe('GapStatistics', () => {
  it('merges parts of a log to what one pass finds', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(100_000)), fc.nat(50), (unsorted, cut) => {
        const times = unsorted.toSorted((a, b) => a - b);
        const merged = gapsOf(times.slice(0, cut));
        const rest = gapsOf(times.slice(cut), Math.min(cut, times.length) + 1);
        merged.merge(GapStatistics.restore(JSON.parse(JSON.stringify(rest.snapshot()))));
        expect(merged.snapshot()).toEqual(gapsOf(times).snapshot());
      }),
    );
  });

  it('knows the lines around the longest gap and the quantiles within 9 %', () => {
    const times = Array.from({ length: 1_000 }, (_, index) => index * 100 + (index > 500 ? 5_000 : 0));
    const statistics = gapsOf(times);
    expect(statistics.longest[0]).toEqual({ milliseconds: 5_100, lineBefore: 501, lineAfter: 502, endMs: 55_100 });
    expect(statistics.quantile(0.5) / 100).toBeGreaterThan(0.91);
    expect(statistics.quantile(0.5) / 100).toBeLessThan(1.09);
  });

  it('counts times that go back as no gap', () => {
    expect(gapsOf([5_000, 1_000, 5_100]).longest).toEqual([
      { milliseconds: 100, lineBefore: 1, lineAfter: 3, endMs: 5_100 },
    ]);
  });
});

describe('exceedanceProbability', () => {
  const exponential = { count: 1_000, quantile: (share: number) => -Math.log(1 - share) };

  it('is that of the maximum where the tail is exponential', () => {
    expect(exceedanceProbability(exponential, Math.log(1_000) + 5, 0)).toBeCloseTo(Math.exp(-5), 2);
  });

  it('finds a value ten times the largest possible under a light tail, and does not under a heavy one', () => {
    const heavy = { count: 1_000, quantile: (share: number) => 1 / (1 - share) };
    expect(exceedanceProbability(exponential, 70, 0)).toBeLessThan(1e-9);
    expect(exceedanceProbability(heavy, 3_000, 0)).toBeGreaterThan(0.1);
  });

  it('says nothing from a handful of values', () => {
    expect(exceedanceProbability({ ...exponential, count: 5 }, 1e9, 0)).toBe(1);
  });
});
