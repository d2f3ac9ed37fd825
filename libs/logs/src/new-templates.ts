import { type Candidate, citedLinesMax, type Detection } from './anomaly.js';
import type { Observations } from './observations.js';
import { clusterProbability } from './probability.js';
import { linesWithin, windowsOf } from './windows.js';

/** Before this share of the log has passed everything is new. */
const startShare = 0.1;

/**
 * Templates that begin late. Were they as old as the log, their events would be spread over it: the probability is that of all
 * of them falling after the first one, or as close together as they stand. Where kinds of message keep turning up for the
 * first time, one more says less (after Good and Turing: by how many there were of which only one event was known).
 */
export function findNewTemplates(observations: Observations): Detection {
  const windows = windowsOf(observations);
  const firstBucket = windows.firstBucket;
  const span = windows.count * windows.buckets;
  const shareOf = (bucket: number): number => (bucket - firstBucket) / span;
  const candidates: Candidate[] = [];
  for (const { template, occurrences } of observations.templates) {
    const [first, last] = [occurrences.buckets[0], occurrences.buckets.at(-1)];
    if (first === undefined || last === undefined || template.count < 2) continue;
    const begin = shareOf(first);
    if (begin < startShare || begin > 1) continue;
    const together = clusterProbability(template.count, Math.max(shareOf(last + 1) - begin, 1 / 1_000));
    const probability =
      Math.min(1, 2 * Math.min((1 - begin) ** template.count, together)) * novelty(observations, first);
    if (probability > 0.05) continue;
    candidates.push({
      kind: 'new-template',
      probability,
      summary: `First seen after ${Math.round(begin * 100)} % of the log, then ${template.count} times.`,
      templateId: template.id,
      template: template.text,
      lines: citedLines(template.firstLine, linesWithin(windows, occurrences, [0, windows.count], citedLinesMax)),
      fromMs: observations.axis === 'time' ? first * observations.bucketWidth : undefined,
      toMs: observations.axis === 'time' ? (last + 1) * observations.bucketWidth : undefined,
      observed: template.count,
      expected: 0,
    });
  }
  return { candidates, tests: observations.templates.length };
}

/** From 0.1, where nothing else is known from one event only, to 1, where many templates are. */
function novelty({ templates }: Observations, before: number): number {
  let known = 0;
  let single = 0;
  for (const { occurrences } of templates) {
    const { buckets, counts } = occurrences;
    if ((buckets[0] ?? Infinity) >= before) continue;
    known++;
    if (counts[0] === 1 && (buckets[1] ?? Infinity) >= before) single++;
  }
  return Math.min(1, Math.max(0.1, (5 * single) / (known + 1)));
}

function citedLines(firstLine: number, lines: readonly number[]): number[] {
  return [...new Set([firstLine, ...lines])].toSorted((a, b) => a - b).slice(0, citedLinesMax);
}
