import type { ErrorGroup } from './error-groups.js';
import { readFailureSigns } from './failure-signs.js';
import { usualLevel } from './error-groups.js';
import type { ObservedTemplate, Observations } from './observations.js';
import { benjaminiHochberg, poissonUpperTail } from './probability.js';
import type { Occurrences } from './timeline.js';

/** A template that came before an error more often than chance has it: a candidate cause. */
export interface Correlation {
  /** Of the error group. */
  fingerprint: string;
  templateId: string;
  template: string;
  /** Of `episodes` (stretches of the error), how many had it shortly before or, in the same moment, on an earlier line. */
  hits: number;
  episodes: number;
  /** How many times more often than before any other moment. */
  lift: number;
  /** Median time from it to the error; lines in a log without times. */
  lead: number;
  /** Adjusted for the number of templates and errors compared. */
  probability: number;
  /** Pairs of cause and error, up to three. */
  lines: number[];
}

const groupsMax = 30;
const causesMax = 5;
const probabilityMax = 0.05;
/** How far back one looks, in parts of the span of the log. */
const reachShares = [1 / 4_000, 1 / 1_000, 1 / 250, 1 / 60];

/** For the gravest error groups, what came before them: the most telling first within a group. */
export function findCorrelations(
  observations: Observations,
  groups: readonly { group: ErrorGroup; occurrences: Readonly<Occurrences>; ownTemplates: ReadonlySet<string> }[],
): Correlation[] {
  const candidates: { correlation: Correlation; weight: number }[] = [];
  let tests = 0;
  const span = spanOf(observations);
  const reaches = reachShares.map((share) => Math.max(1, Math.round(span * share)));
  for (const { group, occurrences, ownTemplates } of groups.slice(0, groupsMax)) {
    for (const observed of observations.templates) {
      if (ownTemplates.has(observed.template.id)) continue;
      tests += reaches.length;
      const best = reaches
        .map((reach) => correlationAt(observations, observed, occurrences, reach))
        .filter((found) => found !== undefined)
        .toSorted((a, b) => a.probability - b.probability)[0];
      if (!best || best.probability > probabilityMax) continue;
      const { id, text } = observed.template;
      const correlation = { ...best, fingerprint: group.fingerprint, templateId: id, template: text };
      candidates.push({ correlation, weight: weightOf(observed) });
    }
  }
  const adjusted = benjaminiHochberg(
    candidates.map(({ correlation }) => correlation.probability),
    tests,
  );
  const significant = candidates
    .map(({ correlation, weight }, index) => {
      const probability = adjusted[index] ?? 1;
      return { correlation: { ...correlation, probability }, score: weight * scoreOf({ ...correlation, probability }) };
    })
    .filter(({ correlation }) => correlation.probability <= probabilityMax);
  return groups.flatMap(({ group }) =>
    significant
      .filter(({ correlation }) => correlation.fingerprint === group.fingerprint)
      .toSorted((a, b) => b.score - a.score || (a.correlation.templateId < b.correlation.templateId ? -1 : 1))
      .slice(0, causesMax)
      .map(({ correlation }) => correlation),
  );
}

/** A failure before a failure is a likelier cause than an everyday message that happens to be near. */
function weightOf({ template }: ObservedTemplate): number {
  return readFailureSigns(template.text, usualLevel(template)).isFailure ? 2 : 1;
}

function scoreOf({ probability, hits, episodes, lift }: Correlation): number {
  return (hits / episodes) * (Math.log(lift) - Math.log10(Math.max(probability, 1e-30)) / 3);
}

function correlationAt(
  observations: Observations,
  { occurrences }: ObservedTemplate,
  errors: Readonly<Occurrences>,
  reach: number,
): Pick<Correlation, 'hits' | 'episodes' | 'lift' | 'lead' | 'probability' | 'lines'> | undefined {
  const span = spanOf(observations);
  const covered = coveredBuckets(occurrences.buckets, reach, observations.total.buckets.at(-1) ?? 0);
  const base = Math.min(1, covered / span);
  if (base > 0.6) return undefined;
  let episodes = 0;
  let hits = 0;
  const leads: number[] = [];
  const lines: number[] = [];
  let at = 0;
  errors.buckets.forEach((bucket, index) => {
    const before = errors.buckets[index - 1];
    if (before !== undefined && bucket - before <= reach) return;
    episodes++;
    const errorLine = errors.firstLines[index] ?? 0;
    while (at < occurrences.buckets.length && (occurrences.buckets[at] ?? 0) <= bucket) at++;
    // The last one at or before this moment; in the same bucket it must stand on an earlier line.
    let last = at - 1;
    if (occurrences.buckets[last] === bucket && (occurrences.firstLines[last] ?? 0) > errorLine) last--;
    const lead = bucket - (occurrences.buckets[last] ?? -Infinity);
    if (lead > reach) return;
    hits++;
    leads.push(lead);
    const cited = lead === 0 ? (occurrences.firstLines[last] ?? 0) : (occurrences.lastLines[last] ?? 0);
    if (lines.length < 6) lines.push(cited, errorLine);
  });
  if (hits === 0 || hits < episodes * 0.3) return undefined;
  leads.sort((a, b) => a - b);
  const lead = leads[Math.floor(leads.length / 2)] ?? 0;
  const lift = hits / episodes / Math.max(base, 1 / span);
  return {
    hits,
    episodes,
    lift,
    lead: lead * observations.bucketWidth,
    probability: poissonUpperTail(hits, episodes * base),
    lines,
  };
}

/** From the first bucket to the last. */
function spanOf({ total }: Observations): number {
  return (total.buckets.at(-1) ?? 0) - (total.buckets[0] ?? 0) + 1;
}

/** Buckets from which one of these is at most `reach` back. */
function coveredBuckets(buckets: readonly number[], reach: number, end: number): number {
  let covered = 0;
  buckets.forEach((bucket, index) => {
    const next = buckets[index + 1] ?? end + 1;
    covered += Math.min(reach + 1, next - bucket);
  });
  return covered;
}
