/** What is known of a distribution: how many values, and the value below which a share of them lies. */
export interface Distribution {
  count: number;
  quantile(share: number): number;
}

/** Fewer values than this say nothing about a tail. */
const valuesMin = 12;

/**
 * How likely it is that the largest of all values reaches `value`, if the values beyond the 90th percentile go on as those
 * between the 90th and the 99th fall off: exponentially, or as a power where the distribution is that heavy. `typicalError`
 * is the resolution of the values: a spread below it is not believed.
 */
export function exceedanceProbability(distribution: Distribution, value: number, typicalError: number): number {
  const { count } = distribution;
  if (count < valuesMin) return 1;
  const [middle = 0, high = 0, highest = 0] = [0.5, 0.9, count < 200 ? 0.95 : 0.99].map((share) =>
    distribution.quantile(share),
  );
  if (value <= highest) return 1;
  const beyond = count < 200 ? Math.log(2) : Math.log(10);
  // Exponential distributions fall as far from the 90th percentile to the highest as ln(beyond), from the middle ln(5).
  const exponentialRatio = beyond / Math.log(5);
  // Quantiles of few values are themselves uncertain.
  const margin = 1.3 + 15 / Math.sqrt(count);
  const isHeavy = middle > 0 && highest - high > exponentialRatio * margin * (high - middle);
  const decay = isHeavy
    ? Math.max(Math.log(highest / high) / beyond, 0.05)
    : Math.max((highest - high) / beyond, (high - middle) / Math.log(5), typicalError);
  const distance = isHeavy ? Math.log(value / high) : value - high;
  const caution = 1 + 15 / count;
  return Math.min(1, count * 0.1 * Math.exp(-distance / (decay * caution)));
}
