import { cite } from '../analysis/describe-findings.js';
import type { CheckedNarrative } from './citations.js';
import type { Claim } from './model-narrative.js';

/** A checked narrative as text, every statement with its lines. `headline` stands in for a summary that had none. */
export function narrativeText({ summary, findings, recommendations }: CheckedNarrative, headline: string): string {
  const sections = [
    summary ? sentence(summary) : headline,
    listed('Findings', findings),
    listed('Recommendations', recommendations),
  ];
  return sections.filter((text) => text !== '').join('\n\n');
}

function listed(title: string, claims: readonly Claim[]): string {
  return claims.length === 0 ? '' : [`${title}:`, ...claims.map((claim) => `- ${sentence(claim)}`)].join('\n');
}

function sentence({ text, lines }: Claim): string {
  return `${text} ${cite(lines)}`;
}
