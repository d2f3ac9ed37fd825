import type { Candidate, Detection } from './anomaly.js';
import type { ObservedTemplate, Observations } from './observations.js';
import { exceedanceProbability } from './tail.js';

const eventsMin = 15;
/** What was there for less than this share of the log is no heartbeat: an episode ends. */
const activeShareMin = 0.1;

interface Silence {
  length: number;
  lines: number[];
  start: number;
  end: number;
  /** What the other gaps are like. */
  gaps: { count: number; quantile(share: number): number };
}

/**
 * Heartbeats that stopped: the longest time without a template, against the times between its events otherwise. What comes
 * every minute is missed after a few, what comes at random after many. The time from its last event to the end counts as well.
 */
export function findSilences(observations: Observations): Detection {
  const candidates: Candidate[] = [];
  let tests = 0;
  for (const observed of observations.templates) {
    if (observed.template.count < eventsMin) continue;
    tests++;
    const silence = longestSilence(observations, observed);
    if (!silence) continue;
    const resolution = observed.gaps ? 1 : observations.bucketWidth;
    if (activeShare(observations, observed, silence) < activeShareMin) continue;
    const usual = silence.gaps.quantile(0.5);
    const ownLength = silence.length - sharedLength(observations, silence);
    const probability = exceedanceProbability(silence.gaps, ownLength, Math.max(resolution, usual * 0.04));
    if (probability > 0.05) continue;
    const isTimed = observations.axis === 'time';
    candidates.push({
      kind: 'silence',
      probability,
      summary: `Nothing for ${formatLength(silence.length, isTimed)}; otherwise every ${formatLength(usual, isTimed)}.`,
      templateId: observed.template.id,
      template: observed.template.text,
      lines: silence.lines,
      fromMs: isTimed ? silence.start : undefined,
      toMs: isTimed ? silence.end : undefined,
      observed: silence.length,
      expected: usual,
    });
  }
  return { candidates, tests };
}

/** A length on the log's axis in words: a duration, or a number of lines. */
export function formatLength(length: number, isTimed: boolean): string {
  if (!isTimed) return `${Math.round(length)} lines`;
  if (length < 1_000) return `${Math.round(length)} ms`;
  const units: [string, number][] = [
    ['s', 1_000],
    ['min', 60_000],
    ['h', 3_600_000],
    ['days', 86_400_000],
  ];
  const [name, size] = units.findLast(([, milliseconds]) => length >= milliseconds) ?? ['ms', 1];
  return `${Number((length / size).toPrecision(3))} ${name}`;
}

function longestSilence(observations: Observations, { gaps, occurrences }: ObservedTemplate): Silence | undefined {
  if (!gaps) return longestByBuckets(observations, occurrences);
  const [longest] = gaps.longest;
  const trailing = trailingSilence(observations, occurrences);
  if (trailing && trailing.length > (longest?.milliseconds ?? 0)) return { ...trailing, gaps };
  if (!longest) return undefined;
  const { milliseconds, lineBefore, lineAfter, endMs } = longest;
  return { length: milliseconds, lines: [lineBefore, lineAfter], start: endMs - milliseconds, end: endMs, gaps };
}

function trailingSilence(
  { total, bucketWidth, lastLine }: Observations,
  { buckets, lastLines }: ObservedTemplate['occurrences'],
) {
  const [last, end, line] = [buckets.at(-1), total.buckets.at(-1), lastLines.at(-1)];
  if (last === undefined || end === undefined || line === undefined) return undefined;
  return {
    length: (end - last) * bucketWidth,
    lines: [line, lastLine],
    start: last * bucketWidth,
    end: end * bucketWidth,
  };
}

/** The same to the resolution of a bucket. */
function longestByBuckets(
  observations: Observations,
  occurrences: ObservedTemplate['occurrences'],
): Silence | undefined {
  const { buckets, firstLines, lastLines } = occurrences;
  const width = observations.bucketWidth;
  const lengths: number[] = [];
  let longest = trailingSilence(observations, occurrences);
  for (let index = 1; index < buckets.length; index++) {
    const [before, after] = [buckets[index - 1] ?? 0, buckets[index] ?? 0];
    const length = (after - before) * width;
    lengths.push(length);
    if (length <= (longest?.length ?? 0)) continue;
    const lines = [lastLines[index - 1] ?? 0, firstLines[index] ?? 0];
    longest = { length, lines, start: before * width, end: after * width };
  }
  if (!longest) return undefined;
  lengths.sort((a, b) => a - b);
  const quantile = (share: number): number => lengths[Math.floor((lengths.length - 1) * share)] ?? 0;
  return { ...longest, gaps: { count: lengths.length, quantile } };
}

/** The share of the log from its first event to its last, or to the end, without the silence. */
function activeShare(
  { total, bucketWidth }: Observations,
  { occurrences }: ObservedTemplate,
  { length, end }: Silence,
): number {
  const span = (total.buckets.at(-1) ?? 0) - (total.buckets[0] ?? 0) + 1;
  const last = Math.max(occurrences.buckets.at(-1) ?? 0, end / bucketWidth);
  return (last - (occurrences.buckets[0] ?? 0) - length / bucketWidth) / span;
}

/** How much of a silence the whole log was silent: one of its longest gaps lies within. */
function sharedLength({ gaps, axis }: Observations, { start, end }: Silence): number {
  if (axis !== 'time') return 0;
  const within = gaps.longest.filter(
    ({ endMs, milliseconds }) => endMs <= end + 1 && endMs - milliseconds >= start - 1,
  );
  return within.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
}
