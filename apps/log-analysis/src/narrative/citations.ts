import type { Claim, ModelNarrative } from './model-narrative.js';

export interface CheckedNarrative {
  /** Undefined when it cited nothing that is there. */
  summary: Claim | undefined;
  findings: Claim[];
  recommendations: Claim[];
  /** Citations, and claims that had no other. */
  valid: number;
  removed: number;
  claimsRemoved: number;
}

/** Citations that a model writes into its words although it has a field for them: [L3], (L3, L17). */
const inBrackets = /\s*[[(](L\d+(?:\s*(?:,|;|-|–|and|to)\s*L?\d+)*)[\])]/g;
const inWords = /\b(?:lines?\s+|L)(\d+)\b/gi;

/**
 * Keeps what cites lines that the evidence names, and removes the rest: a citation that is not among `citable`, and a claim that
 * has no other. Line numbers in the words themselves are citations too.
 */
export function checkCitations(narrative: ModelNarrative, citable: Iterable<number>): CheckedNarrative {
  const known = new Set(citable);
  const counts = { valid: 0, removed: 0, claimsRemoved: 0 };
  const check = (claim: Claim): Claim | undefined => {
    const { text, cited } = withoutCitations(claim, known);
    const lines = cited.filter((line) => known.has(line));
    counts.valid += lines.length;
    counts.removed += cited.length - lines.length;
    if (lines.length > 0 && text !== '') return { text, lines };
    counts.claimsRemoved += 1;
    return undefined;
  };
  const checkAll = (claims: readonly Claim[]) => claims.map(check).filter((claim) => claim !== undefined);
  const summary = check(narrative.summary);
  const findings = checkAll(narrative.findings);
  const recommendations = checkAll(narrative.recommendations);
  return { summary, findings, recommendations, ...counts };
}

/** The words without line numbers in brackets, and without those in the words that are not there. */
function withoutCitations({ text, lines }: Claim, known: ReadonlySet<number>): { text: string; cited: number[] } {
  const cited = new Set(lines);
  const bare = text.replace(inBrackets, (_, inside: string) => {
    for (const [number] of inside.matchAll(/\d+/g)) cited.add(Number(number));
    return '';
  });
  const checked = bare.replace(inWords, (found, number: string) => {
    const isLine = /^line/i.test(found);
    if (known.has(Number(number)) || !isLine) return found;
    cited.add(Number(number));
    return 'a line';
  });
  return { text: checked.trim(), cited: [...cited].toSorted((a, b) => a - b) };
}
