import { type Candidate, citedLinesMax, type Detection } from './anomaly.js';
import type { ObservedTemplate, Observations } from './observations.js';
import { poissonLowerTail, poissonUpperTail, quantileOf } from './probability.js';
import { linesWithin, type Windows, windowsOf, windowSums } from './windows.js';

/** Fewer events say nothing about a rate. */
const eventsMin = 8;
/** A change that lasts to the end of the log and at least this share of it is a new level, not a burst. */
const levelShareMin = 0.08;
/** Less than this share of what was expected counts as silence. */
const silenceShare = 0.25;

interface Interval {
  from: number;
  to: number;
  observed: number;
  expected: number;
  dispersion: number;
  /** Log likelihood ratio of a rate of its own against the rate elsewhere. */
  gain: number;
}

/**
 * Bursts, silences and new levels: for each template, of all intervals (of 1, 2, 4 … windows, and from each window to the
 * end) the one whose count is least like the rest of the log, with a Poisson tail as its probability. The spread between
 * neighbouring windows widens the tail where counts vary more than Poisson's; what the rest of the log does at the same
 * time is the second expectation, so that a busy hour is not a burst of every template.
 */
export function findRateChanges(observations: Observations): Detection {
  const windows = windowsOf(observations);
  if (windows.count < 16) return { candidates: [], tests: 0 };
  const totals = windowSums(windows, observations.total);
  const candidates: Candidate[] = [];
  let tests = 0;
  for (const observed of observations.templates) {
    if (observed.template.count < eventsMin) continue;
    const sums = windowSums(windows, observed.occurrences);
    let [up, down]: [Interval?, Interval?] = [];
    // Overlapping intervals are no tests of their own: about as many are independent as there are windows.
    tests += windows.count;
    for (const interval of intervalsOf(windows, sums, totals)) {
      if (interval.observed > interval.expected) {
        if (interval.gain > (up?.gain ?? 0)) up = interval;
      } else if (interval.gain > (down?.gain ?? 0)) down = interval;
    }
    // More in one part is less in another: the better of the two explanations stands.
    const explanations = [up, down].filter((interval) => interval !== undefined).toSorted((a, b) => b.gain - a.gain);
    const candidate = explanations
      .map((interval) => candidateOf(observations, windows, observed, interval))
      .find((found) => found !== undefined);
    if (candidate) candidates.push(candidate);
  }
  return { candidates: withoutEchoes(candidates), tests };
}

function* intervalsOf({ count }: Windows, sums: Float64Array, totals: Float64Array): Generator<Interval> {
  const dispersions = dispersionsOf(sums, count);
  const interval = (from: number, to: number, dispersion: number): Interval => {
    const length = to - from;
    const observed = (sums[to] ?? 0) - (sums[from] ?? 0);
    const all = sums[count] ?? 0;
    const others = (totals[to] ?? 0) - (totals[from] ?? 0) - observed;
    const allOthers = (totals[count] ?? 0) - all;
    const byTime = length / count;
    const byOthers = allOthers > 0 ? others / allOthers : byTime;
    // Whichever of the two expectations is nearer to what was observed.
    const isUp = observed > all * byTime;
    const share = Math.min(0.999, Math.max(1e-4, isUp ? Math.max(byTime, byOthers) : Math.min(byTime, byOthers)));
    const gain = isUp === observed > all * share ? likelihoodRatio(observed, all, share) / dispersion : 0;
    const expected = Math.max(((all - observed) * share) / (1 - share), 0.5);
    // The expectation is itself an estimate, from what lies outside.
    return { from, to, observed, expected, dispersion: dispersion / (1 - share), gain };
  };
  let scale = 0;
  for (let length = 1; length <= count / 4; length *= 2, scale++) {
    const step = Math.max(1, length / 2);
    const dispersion = dispersions[Math.min(scale, dispersions.length - 1)] ?? 1;
    for (let from = 0; from + length <= count; from += step) yield interval(from, from + length, dispersion);
  }
  const largest = dispersions.at(-1) ?? 1;
  for (let from = Math.ceil(count / 16); from < count - 1; from++) yield interval(from, count, largest);
}

/** How much likelier `observed` of `all` is with a share of its own than with the given one, as a logarithm. */
function likelihoodRatio(observed: number, all: number, share: number): number {
  const part = (count: number, expected: number): number => (count > 0 ? count * Math.log(count / expected) : 0);
  return part(observed, all * share) + part(all - observed, all * (1 - share));
}

/** For windows of 1, 2, 4 … the variance over the mean, from neighbours' differences (a new level does not disturb those). */
function dispersionsOf(sums: Float64Array, count: number): number[] {
  const dispersions: number[] = [];
  for (let length = 1; count / length >= 16; length *= 2) {
    const squares: number[] = [];
    for (let from = 0; from + 2 * length <= count; from += length) {
      const [start, middle, end] = [sums[from] ?? 0, sums[from + length] ?? 0, sums[from + 2 * length] ?? 0];
      squares.push((end - 2 * middle + start) ** 2);
    }
    const mean = ((sums[count] ?? 0) * length) / count;
    squares.sort((a, b) => a - b);
    // Of a normal difference the median square is 0.455 of its variance, and its variance twice that of a window.
    const byMedian = quantileOf(squares, 0.5) / 0.455 / 2 / mean;
    const kept = squares.slice(0, Math.ceil(squares.length * 0.95));
    const byMean = kept.reduce((sum, square) => sum + square, 0) / kept.length / 2 / mean;
    // What of it chance explains in so few differences does not count.
    const certain = (mean >= 3 ? byMedian : byMean) * (1 - 2.5 / Math.sqrt(squares.length));
    dispersions.push(Math.max(1, certain, dispersions.at(-1) ?? 1));
  }
  return dispersions;
}

function candidateOf(
  { axis, bucketWidth }: Observations,
  windows: Windows,
  { template, occurrences }: ObservedTemplate,
  { from, to, observed, expected, dispersion }: Interval,
): Candidate | undefined {
  const isUp = observed > expected;
  const isLevel = to === windows.count && (to - from) / windows.count >= levelShareMin;
  if (isUp ? observed < 5 : !isLevel && observed > expected * silenceShare) return undefined;
  const [count, mean] = [observed / dispersion, expected / dispersion];
  const probability = isUp ? poissonUpperTail(count, mean) : poissonLowerTail(count, mean);
  if (probability > 0.01) return undefined;
  const positionOf = (window: number): number => (windows.firstBucket + window * windows.buckets) * bucketWidth;
  const [start, end] = [positionOf(from), positionOf(to)];
  const kind = isLevel ? 'level-shift' : isUp ? 'burst' : 'silence';
  const times = isUp ? `${(observed / expected).toFixed(1)} times` : `${Math.round((100 * observed) / expected)} % of`;
  return {
    kind,
    probability,
    summary: `${kind === 'level-shift' ? 'From here to the end' : 'Within this stretch'} ${observed} events, ${times} the ${expected.toFixed(1)} expected.`,
    templateId: template.id,
    template: template.text,
    lines: citedLines(windows, occurrences, { from, to, isUp, isLevel }),
    fromMs: axis === 'time' ? start : undefined,
    toMs: axis === 'time' ? end : undefined,
    observed,
    expected,
  };
}

/** Of what came more often the lines themselves, of what came less often the last before and the first after. */
function citedLines(
  windows: Windows,
  occurrences: ObservedTemplate['occurrences'],
  { from, to, isUp, isLevel }: { from: number; to: number; isUp: boolean; isLevel: boolean },
): number[] {
  if (isUp) return linesWithin(windows, occurrences, [from, to], citedLinesMax);
  const before = linesWithin(windows, occurrences, [0, from], 1_000_000).at(-1);
  const after = linesWithin(windows, occurrences, [isLevel ? from : to, windows.count], 1_000_000)[0];
  return [before, after].filter((line) => line !== undefined);
}

/** What happens to many templates at once is one finding: the most unusual of those that begin and end together stands for all. */
function withoutEchoes(candidates: readonly Candidate[]): Candidate[] {
  const groups = new Map<string, Candidate[]>();
  for (const candidate of candidates) {
    const { kind, fromMs, toMs, lines } = candidate;
    const key = `${kind} ${fromMs ?? lines[0]} ${toMs ?? lines.at(-1)}`;
    groups.set(key, [...(groups.get(key) ?? []), candidate]);
  }
  return [...groups.values()].flatMap((group) => {
    if (group.length < 4) return group;
    const [first] = group.toSorted((a, b) => a.probability - b.probability);
    return first ? [{ ...first, summary: `${first.summary} ${group.length - 1} other templates did the same.` }] : [];
  });
}
