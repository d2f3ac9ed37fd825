import type { Occurrences } from './timeline.js';
import { type Windows, windowSums } from './windows.js';

export interface Trend {
  direction: 'rising' | 'falling' | 'steady' | 'began' | 'ended' | 'single';
  /** Counts over the span of the log, in equal parts, for a sparkline. */
  counts: number[];
}

const parts = 24;

/** How a count went over the span of the log. */
export function trendOf(windows: Windows, occurrences: Readonly<Occurrences>): Trend {
  const sums = windowSums(windows, occurrences);
  const at = (part: number): number => sums[Math.round((part * windows.count) / parts)] ?? 0;
  const counts = Array.from({ length: parts }, (_, part) => at(part + 1) - at(part));
  return { direction: directionOf(counts), counts };
}

function directionOf(counts: readonly number[]): Trend['direction'] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total < 2) return 'single';
  const third = parts / 3;
  const share = (from: number, to: number): number =>
    counts.slice(from, to).reduce((sum, count) => sum + count, 0) / total;
  const [early, late] = [share(0, third), share(2 * third, parts)];
  if (total >= 5 && counts.slice(0, parts / 4).every((count) => count === 0)) return 'began';
  if (total >= 5 && counts.slice(-parts / 4).every((count) => count === 0)) return 'ended';
  // Two standard deviations of a count of the expected third.
  const noise = 2 * Math.sqrt(2 / 3 / total);
  if (late - early > Math.max(noise, 0.15)) return 'rising';
  return early - late > Math.max(noise, 0.15) ? 'falling' : 'steady';
}
