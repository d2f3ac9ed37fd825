import { kindOf, tokenKinds } from './token-kinds.js';
import { isOneToken, tokensAlone, tokenTable } from './token-table.js';

/** How a family has a part of a text: a token of o200k as one, the same as several, or two of them as one. */
export const partForms = ['whole', 'split', 'joined'] as const;
const WHOLE = 0;
const SPLIT = 1;
const JOINED = 2;

export interface TokenParts {
  /** Tokens of the parts, as the family has each by itself. */
  tokens: number;
  /** Parts of each kind and form, form by form within a kind; of `split` the tokens above one. */
  counts: Float64Array;
}

/** The parts of a text from its tokens of o200k, for the family at that place of the table. */
export function countParts(o200k: readonly number[], family: number): TokenParts {
  const table = tokenTable();
  const counts = new Float64Array(tokenKinds.length * partForms.length);
  const add = (token: number, form: number, amount: number) => {
    const index = kindOf(token) * partForms.length + form;
    counts[index] = (counts[index] ?? 0) + amount;
  };
  let tokens = 0;
  for (let index = 0; index < o200k.length; index++) {
    const token = o200k[index] ?? 0;
    const next = o200k[index + 1];
    if (next !== undefined && isOneToken(table, family, token, next)) {
      tokens += 1;
      add(token, JOINED, 1);
      index++;
    } else {
      const alone = tokensAlone(table, family, token);
      tokens += alone;
      if (alone === 1) add(token, WHOLE, 1);
      else add(token, SPLIT, alone - 1);
    }
  }
  return { tokens, counts };
}
