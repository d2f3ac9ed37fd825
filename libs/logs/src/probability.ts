/** Tails of distributions, and what many tests at once are worth. */

/** The share `share` of sorted numbers, by linear interpolation. NaN of none. */
export function quantileOf(sorted: readonly number[], share: number): number {
  const position = (sorted.length - 1) * share;
  const low = sorted[Math.floor(position)];
  const high = sorted[Math.ceil(position)];
  if (low === undefined || high === undefined) return Number.NaN;
  return low + (high - low) * (position - Math.floor(position));
}

/** P(X >= count) of a Poisson variable; count may be a fraction (a quasi-Poisson tail). */
export function poissonUpperTail(count: number, mean: number): number {
  if (count <= 0) return 1;
  return mean <= 0 ? 0 : gammaLowerShare(count, mean);
}

/** P(X <= count) of a Poisson variable. */
export function poissonLowerTail(count: number, mean: number): number {
  if (mean <= 0) return 1;
  return 1 - gammaLowerShare(count + 1, mean);
}

/** The probability that n uniform points on a line of length 1 all fall within `span` of each other. */
export function clusterProbability(count: number, span: number): number {
  if (count < 2 || span >= 1) return 1;
  return Math.min(1, count * span ** (count - 1) - (count - 1) * span ** count);
}

/**
 * Adjusted p-values after Benjamini and Hochberg (1995): reporting everything with a value of at most q keeps the share of
 * false reports at q. `tests` counts all tests made, also those whose p-value was not worth keeping.
 */
export function benjaminiHochberg(pValues: readonly number[], tests = pValues.length): number[] {
  const order = pValues.map((_, index) => index).toSorted((a, b) => (pValues[a] ?? 1) - (pValues[b] ?? 1));
  const adjusted = pValues.map(() => 1);
  let smallest = 1;
  for (let rank = order.length; rank >= 1; rank--) {
    const index = order[rank - 1] ?? 0;
    smallest = Math.min(smallest, ((pValues[index] ?? 1) * Math.max(tests, order.length)) / rank);
    adjusted[index] = smallest;
  }
  return adjusted;
}

/** The regularised lower incomplete gamma function P(shape, x): a series below shape + 1, a continued fraction above. */
function gammaLowerShare(shape: number, x: number): number {
  if (x <= 0) return 0;
  const scale = Math.exp(shape * Math.log(x) - x - logGamma(shape));
  return x < shape + 1 ? Math.min(1, scale * lowerSeries(shape, x)) : Math.max(0, 1 - scale * upperFraction(shape, x));
}

function lowerSeries(shape: number, x: number): number {
  let term = 1 / shape;
  let sum = term;
  for (let step = 1; step < 10_000 && term > sum * 1e-15; step++) {
    term *= x / (shape + step);
    sum += term;
  }
  return sum;
}

/** Lentz's method. */
function upperFraction(shape: number, x: number): number {
  const tiny = 1e-300;
  let b = x + 1 - shape;
  let c = 1 / tiny;
  let d = 1 / b;
  let value = d;
  for (let step = 1; step < 10_000; step++) {
    const factor = -step * (step - shape);
    b += 2;
    d = 1 / (factor * d + b || tiny);
    c = b + factor / c || tiny;
    value *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) break;
  }
  return value;
}

/** Stirling's series, shifted to arguments above 8, where it is exact to 1e-14. */
function logGamma(value: number): number {
  let shift = 0;
  let x = value;
  for (; x < 8; x++) shift += Math.log(x);
  const inverse = 1 / (x * x);
  const series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse / 1680))) / x;
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series - shift;
}
