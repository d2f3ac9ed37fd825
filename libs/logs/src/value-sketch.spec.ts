import fc from 'fast-check';
import { NumberSketch } from './number-sketch.js';
import { sampledValuesMax, ValueSketch } from './value-sketch.js';

function sketchOf(values: readonly number[]): ValueSketch {
  const sketch = new ValueSketch();
  values.forEach((value, index) => sketch.add(`${value}`, 'number', index + 1));
  return sketch;
}

describe('the values of a parameter', () => {
  test('parts merged in any order are the same as one pass', () => {
    const numbers = fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 400 });
    fc.assert(
      fc.property(numbers, fc.nat(), (values, at) => {
        const cut = values.length === 0 ? 0 : at % values.length;
        const first = new ValueSketch();
        const second = new ValueSketch();
        values.forEach((value, index) => (index < cut ? first : second).add(`${value}`, 'number', index + 1));
        second.merge(first);
        expect(second.snapshot()).toEqual(sketchOf(values).snapshot());
      }),
    );
  });

  test('few distinct values are all there, with exact counts and lines', () => {
    const sketch = sketchOf([1, 2, 1, 1, 3]);
    expect(sketch.isComplete).toBe(true);
    expect(sketch.values()[0]).toEqual({ value: '1', count: 3, firstLine: 1, lastLine: 4 });
  });

  test('of many distinct values the number is estimated and the counts of the sample are exact', () => {
    const values = Array.from({ length: 20_000 }, (_, index) => (index * 7) % 10_000);
    const sketch = sketchOf(values);
    expect(sketch.isComplete).toBe(false);
    expect(sketch.values()).toHaveLength(sampledValuesMax);
    expect(sketch.values().every(({ count }) => count === 2)).toBe(true);
    expect(sketch.distinct / 10_000).toBeGreaterThan(0.6);
    expect(sketch.distinct / 10_000).toBeLessThan(1.5);
  });
});

test('quantiles are within 2 % of a value that occurred', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -1e6, max: 1e6 }), { minLength: 1 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (values, share) => {
        const sketch = new NumberSketch();
        for (const value of values) sketch.add(value, 1);
        const found = sketch.summary().quantile(share);
        expect(values.some((value) => Math.abs(found - value) <= 0.0201 * Math.abs(value) + 1e-9)).toBe(true);
      },
    ),
  );
});
