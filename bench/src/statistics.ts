/** The value below which the share `q` of the values lies. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN;
}

/** Field by field, of the figures of several rounds. */
export function medians<Figures extends object>(rounds: readonly Figures[]): Figures {
  const [first] = rounds;
  if (!first) throw new Error('no round was measured');
  const names = Object.keys(first) as (keyof Figures)[];
  const columns = names.map((name) => [
    name,
    quantile(
      rounds.map((round) => Number(round[name])),
      0.5,
    ),
  ]);
  return Object.fromEntries(columns) as Figures;
}

/** With three significant digits, for tables and JSON. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
