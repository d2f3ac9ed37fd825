import type { CheckedNarrative } from './citations.js';
import type { KnownNumbers } from './known-numbers.js';
import type { Claim } from './model-narrative.js';

export interface NumberCounts {
  /** Numbers that the evidence has. */
  valid: number;
  /** Sentences that had others. */
  sentencesRemoved: number;
}

const sentenceEnd = /(?<=[.!?])\s+(?=[\p{Lu}\d"'“<(-])/u;
const listMark = /^(?:\d{1,2}[.)]|[-*•])\s+/;

/** Removes every sentence with a number that the evidence does not have, and claims that have no other sentence. */
export function checkNumbers(
  narrative: CheckedNarrative,
  known: KnownNumbers,
): CheckedNarrative & { numbers: NumberCounts } {
  const numbers = { valid: 0, sentencesRemoved: 0 };
  let { claimsRemoved } = narrative;
  const check = ({ text, lines }: Claim): Claim | undefined => {
    const kept = text
      .replace(listMark, '')
      .split(sentenceEnd)
      .filter((sentence) => {
        const checked = known.check(sentence, lines);
        if (checked.isKnown) numbers.valid += checked.numbers;
        else numbers.sentencesRemoved += 1;
        return checked.isKnown;
      });
    if (kept.length > 0) return { text: kept.join(' '), lines };
    claimsRemoved += 1;
    return undefined;
  };
  const checkAll = (claims: readonly Claim[]) => claims.map(check).filter((claim) => claim !== undefined);
  const summary = narrative.summary && check(narrative.summary);
  const findings = checkAll(narrative.findings);
  const recommendations = checkAll(narrative.recommendations);
  return { ...narrative, summary, findings, recommendations, claimsRemoved, numbers };
}
