import type { Detection } from './anomaly.js';
import type { Observations } from './observations.js';
import { formatLength } from './silences.js';
import { exceedanceProbability } from './tail.js';

/** Shorter pauses of a whole log are nobody's concern. */
const gapMsMin = 2;

/** Times in which nothing at all was logged, longer than the tail of the other gaps explains. */
export function findTimeGaps({ axis, gaps }: Observations): Detection {
  if (axis !== 'time') return { candidates: [], tests: 0 };
  const expected = gaps.quantile(0.99);
  const candidates = gaps.longest
    .filter(({ milliseconds }) => milliseconds >= gapMsMin)
    .map(({ milliseconds, lineBefore, lineAfter, endMs }) => ({
      kind: 'time-gap' as const,
      probability: exceedanceProbability(gaps, milliseconds, gapMsMin),
      summary: `No line at all for ${formatLength(milliseconds, true)}; 99 % of the gaps are below ${formatLength(expected, true)}.`,
      templateId: undefined,
      template: undefined,
      lines: [lineBefore, lineAfter],
      fromMs: endMs - milliseconds,
      toMs: endMs,
      observed: milliseconds,
      expected,
    }))
    .filter(({ probability }) => probability < 0.05);
  // The probability is already that of the longest of all gaps.
  return { candidates, tests: 1 };
}
