/**
 * Tokens for each of what a text has, the mean of five vocabularies; least squares over the pieces that the estimates of
 * the gateway are fitted to (docs/decisions/2026-11-21-token-estimates.md).
 */
const weights: [RegExp, number][] = [
  [/[A-Za-z\u00c0-\u024f]+/g, 0.832],
  [/[A-Za-z\u00c0-\u024f]/g, 0.101],
  [/[A-Z]/g, 0.325],
  [/[\u00c0-\u024f]/g, 0.353],
  [/\d/g, 0.841],
  [/[!-/:-@[-`{-~]/g, 0.265],
  [/\n/g, 2.232],
  [/[\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7af\uff00-\uffef]/g, 0.712],
  [/[\u0370-\u1fff]/g, 0.407],
];

/**
 * About how many tokens a text has, without a vocabulary: half of all estimates are within 8 %, 19 of 20 within 24 %. For a bar
 * in an editor or a check before a call; the gateway counts with the family of the model itself.
 */
export function estimateTokens(text: string): number {
  return Math.ceil(weights.reduce((sum, [pattern, weight]) => sum + (text.match(pattern)?.length ?? 0) * weight, 0));
}
