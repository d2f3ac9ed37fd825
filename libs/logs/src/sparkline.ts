const bars = '▁▂▃▄▅▆▇█';

/** Counts as a line of bars, the highest as the full one; a dot where there was nothing. */
export function sparkline(counts: readonly number[]): string {
  const highest = Math.max(1, ...counts);
  return counts
    .map((count) => (count === 0 ? '·' : bars.charAt(Math.ceil((count / highest) * bars.length) - 1)))
    .join('');
}
