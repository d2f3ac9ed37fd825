import { tokenKinds } from './token-kinds.js';
import { countParts, partForms } from './token-parts.js';
import { tokenWeights } from './token-weights.js';

/** In the order of libs/llm/token-table.br and of the weights. o200k is counted. */
const estimated = ['llama3', 'qwen2_5', 'deepseek', 'gemma'] as const;
export type EstimatedFamily = (typeof estimated)[number];
export const tokenizerFamilies = ['o200k', ...estimated] as const;

/** No vocabulary is so much better than o200k: what is below is a text that the weights were not made for. */
const SHARE_OF_O200K_MIN = 0.4;

/**
 * Tokens of a text in the family, from its tokens of o200k; a fraction. It is what the family makes of each part by itself, and a
 * weight for each kind of part, because the family does not cut where o200k does.
 */
export function estimate(family: EstimatedFamily, o200k: readonly number[]): number {
  const column = estimated.indexOf(family);
  const { tokens, counts } = countParts(o200k, column);
  let corrected = tokens;
  for (const [kind, row] of rows.entries()) {
    for (let form = 0; form < partForms.length; form++) {
      const weight = row[column * partForms.length + form] ?? 0;
      corrected += weight * (counts[kind * partForms.length + form] ?? 0);
    }
  }
  return Math.max(corrected, o200k.length * SHARE_OF_O200K_MIN);
}

const rows = tokenKinds.map((kind) => tokenWeights[kind]);
