import { Counter } from './counter.js';
import type { NumberSummary } from './template.js';

/** Buckets are 2 % apart: the middle of one is within 2 % of everything in it. */
const growth = Math.log(1.02 / 0.98);

export type NumberSketchSnapshot = { min: number; max: number; maxLine: number; buckets: [number, number][] };

/**
 * Counts of numbers in logarithmic buckets (the idea of DDSketch): adding and merging commute, so that the result does
 * not depend on how the input was divided. A sum would not do: floating point addition is not associative.
 */
export class NumberSketch {
  min = Infinity;
  max = -Infinity;
  /** The first line of the largest. */
  maxLine = Infinity;
  readonly #buckets = new Counter<number>();

  add(value: number, line: number, times = 1): void {
    if (value < this.min) this.min = value;
    this.#raiseMax(value, line);
    this.#buckets.add(bucketOf(value), times);
  }

  merge(other: NumberSketch): void {
    this.min = Math.min(this.min, other.min);
    this.#raiseMax(other.max, other.maxLine);
    this.#buckets.merge(other.#buckets.entries());
  }

  summary(): NumberSummary {
    const sorted = this.#buckets.entries().sort(([a], [b]) => middleOf(a) - middleOf(b));
    const count = sorted.reduce((sum, [, times]) => sum + times, 0);
    const { min, max, maxLine } = this;
    const quantile = (share: number): number => {
      let left = share * (count - 1);
      for (const [bucket, times] of sorted) {
        left -= times;
        if (left < 0) return Math.min(max, Math.max(min, middleOf(bucket)));
      }
      return max;
    };
    return { count, min, max, maxLine, quantile };
  }

  snapshot(): NumberSketchSnapshot {
    return {
      min: this.min,
      max: this.max,
      maxLine: this.maxLine,
      buckets: this.#buckets.entries().sort(([a], [b]) => a - b),
    };
  }

  static restore({ min, max, maxLine, buckets }: NumberSketchSnapshot): NumberSketch {
    const sketch = new NumberSketch();
    sketch.min = min;
    sketch.max = max;
    sketch.maxLine = maxLine;
    sketch.#buckets.merge(buckets);
    return sketch;
  }

  #raiseMax(value: number, line: number): void {
    if (value === this.max) this.maxLine = Math.min(this.maxLine, line);
    if (value <= this.max) return;
    this.max = value;
    this.maxLine = line;
  }
}

/** Most numbers in logs are small and whole. */
const bucketsOfSmall = Uint16Array.from({ length: 4_096 }, (_, value) => computedBucketOf(value));

function bucketOf(value: number): number {
  const isSmall = value === (value & 0xfff);
  return isSmall ? (bucketsOfSmall[value] ?? 0) : computedBucketOf(value);
}

/** Odd numbers are buckets of negative values; 0 is zero and whatever is too close to it to matter. */
function computedBucketOf(value: number): number {
  const size = Math.abs(value);
  if (size < 1e-9) return 0;
  const index = Math.min(4_000, Math.ceil(Math.log(size) / growth) + 1_000);
  return value > 0 ? index * 2 : index * 2 + 1;
}

function middleOf(bucket: number): number {
  if (bucket === 0) return 0;
  const size = Math.exp((Math.floor(bucket / 2) - 1_000 - 0.5) * growth);
  return bucket % 2 === 0 ? size : -size;
}
