/** Micro-USD are millionths of a dollar, and cents are ten thousand of them. */
export const MICRO_USD_PER_CENT = 10_000n;
const MICRO_USD = 1_000_000n;

/**
 * `numerator / denominator` to a whole number, halves away from zero.
 * @param denominator more than 0
 */
export function roundedDivision(numerator: bigint, denominator: bigint): bigint {
  const half = numerator < 0n ? -denominator / 2n : denominator / 2n;
  return (numerator + half) / denominator;
}

/** Exact, with two decimals at least: `21.40`, `-0.000123`. */
export function dollars(microUsd: bigint): string {
  const sign = microUsd < 0n ? '-' : '';
  const size = microUsd < 0n ? -microUsd : microUsd;
  const fraction = String(size % MICRO_USD).padStart(6, '0');
  return `${sign}${size / MICRO_USD}.${fraction.slice(0, 2)}${fraction.slice(2).replace(/0+$/, '')}`;
}
