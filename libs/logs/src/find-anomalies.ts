import { type Anomaly, type AnomalyKind, type Candidate, type Detection } from './anomaly.js';
import { findNewTemplates } from './new-templates.js';
import type { Observations } from './observations.js';
import { benjaminiHochberg } from './probability.js';
import { findRateChanges } from './rate-changes.js';
import { findSequenceBreaks } from './sequence-breaks.js';
import { findSilences } from './silences.js';
import { findTimeGaps } from './time-gaps.js';
import { findNumericOutliers, findRareValues } from './unusual-values.js';

const detectors: readonly ((observations: Observations) => Detection)[] = [
  findNewTemplates,
  findRateChanges,
  findSilences,
  findRareValues,
  findNumericOutliers,
  findSequenceBreaks,
  findTimeGaps,
];

/** What is less certain than this is not reported. */
const confidenceMin = 0.5;

/**
 * For each kind the adjusted probability (see `benjaminiHochberg`) at which one finding in two is real, and how fast that
 * rises with each power of ten below. Fitted on generated logs with injected faults; the benchmark checks it on others.
 */
const calibration: Record<AnomalyKind, { even: number; slope: number }> = {
  'new-template': { even: 1e-2, slope: 2 },
  burst: { even: 1e-2, slope: 2 },
  silence: { even: 5e-3, slope: 2 },
  'level-shift': { even: 5e-3, slope: 2 },
  'rare-value': { even: 1e-2, slope: 2 },
  'numeric-outlier': { even: 3e-3, slope: 2 },
  'sequence-break': { even: 3e-2, slope: 3 },
  'time-gap': { even: 3e-3, slope: 2 },
};

/** Every anomaly of a log that is more likely real than not, the most certain first. Deterministic. */
export function findAnomalies(observations: Observations): Anomaly[] {
  const found = detectors.flatMap((detect) => judged(detect(observations)));
  return withoutRepetition(found.toSorted(byRank));
}

function judged({ candidates, tests }: Detection): Anomaly[] {
  const adjusted = benjaminiHochberg(
    candidates.map(({ probability }) => probability),
    tests,
  );
  return candidates
    .map((candidate, index) => ({ ...candidate, confidence: confidenceOf(candidate.kind, adjusted[index] ?? 1) }))
    .filter(({ confidence }) => confidence >= confidenceMin);
}

function confidenceOf(kind: AnomalyKind, adjusted: number): number {
  const { even, slope } = calibration[kind];
  const powers = Math.log10(even) - Math.log10(Math.max(adjusted, 1e-300));
  return Math.round(1_000 / (1 + Math.exp(-slope * powers))) / 1_000;
}

function byRank(a: Anomaly, b: Anomaly): number {
  return b.confidence - a.confidence || a.probability - b.probability || (a.lines[0] ?? 0) - (b.lines[0] ?? 0);
}

/** What a stronger finding of the same template says already: that it is new, say, and therefore also more frequent. */
function withoutRepetition(sorted: readonly Anomaly[]): Anomaly[] {
  const told = new Set<string>();
  const outliers = new Set(sorted.filter(({ kind }) => kind === 'numeric-outlier').map(({ templateId }) => templateId));
  return sorted.filter(({ kind, templateId }) => {
    if (templateId === undefined) return true;
    // A number far above all others is also a rare one.
    if (kind === 'rare-value' && outliers.has(templateId)) return false;
    const key = `${templateId} ${isAboutFrequency(kind) ? 'frequency' : kind}`;
    if (told.has(key)) return false;
    told.add(key);
    return true;
  });
}

function isAboutFrequency(kind: Candidate['kind']): boolean {
  return kind === 'new-template' || kind === 'burst' || kind === 'silence' || kind === 'level-shift';
}
