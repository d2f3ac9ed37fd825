import type { Observations } from './observations.js';
import type { Occurrences } from './timeline.js';

/** The span of a log in windows of equal width. */
export interface Windows {
  count: number;
  firstBucket: number;
  /** Buckets of the timeline in one window; may be below 1 in a log of few buckets. */
  buckets: number;
}

const windowsMax = 256;
/** A stretch without anything that is longer than this share of the span cuts off stray times at the ends. */
const strayGapShare = 0.5;
const strayEventsShare = 0.002;

/** The windows of a log. Times far off that few events have, such as those of a clock before it was set, are left out. */
export function windowsOf({ total }: Pick<Observations, 'total'>): Windows {
  const { buckets, counts } = total;
  const events = counts.reduce((sum, count) => sum + count, 0);
  let [first, last] = [0, buckets.length - 1];
  const span = (): number => (buckets[last] ?? 0) - (buckets[first] ?? 0) + 1;
  const isStray = (end: number, neighbour: number): boolean => {
    const gap = Math.abs((buckets[end] ?? 0) - (buckets[neighbour] ?? 0));
    return (counts[end] ?? 0) <= events * strayEventsShare && gap > span() * strayGapShare;
  };
  while (first < last && isStray(first, first + 1)) first++;
  while (first < last && isStray(last, last - 1)) last--;
  const count = Math.min(windowsMax, span());
  return { count, firstBucket: buckets[first] ?? 0, buckets: span() / count };
}

/** The window of a bucket; below 0 or at least `count` outside. */
export function windowOf(windows: Windows, bucket: number): number {
  return Math.floor((bucket - windows.firstBucket) / windows.buckets);
}

/** Running totals: the count of windows `from` to `to` (exclusive) is `sums[to] - sums[from]`. */
export function windowSums(windows: Windows, { buckets, counts }: Readonly<Occurrences>): Float64Array {
  const sums = new Float64Array(windows.count + 1);
  buckets.forEach((bucket, index) => {
    const window = windowOf(windows, bucket);
    if (window >= 0 && window < windows.count) sums[window + 1] = (sums[window + 1] ?? 0) + (counts[index] ?? 0);
  });
  for (let window = 1; window <= windows.count; window++) sums[window] = (sums[window] ?? 0) + (sums[window - 1] ?? 0);
  return sums;
}

/** Lines of what happened in windows `from` to `to` (exclusive), evenly over them, `max` at most. */
export function linesWithin(
  windows: Windows,
  { buckets, firstLines, lastLines }: Readonly<Occurrences>,
  [from, to]: readonly [number, number],
  max: number,
): number[] {
  const lines = new Set<number>();
  buckets.forEach((bucket, index) => {
    const window = windowOf(windows, bucket);
    if (window < from || window >= to) return;
    lines.add(firstLines[index] ?? 0).add(lastLines[index] ?? 0);
  });
  const sorted = [...lines].toSorted((a, b) => a - b);
  if (sorted.length <= max) return sorted;
  const step = (sorted.length - 1) / (max - 1);
  return Array.from({ length: max }, (_, index) => sorted[Math.round(index * step)] ?? 0);
}
