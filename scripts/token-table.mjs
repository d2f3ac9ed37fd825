// libs/llm/token-table.br, from the families' own tokenizers; its format stands in libs/llm/src/token-table.ts.
import { brotliCompressSync, constants } from 'node:zlib';
import { encode, textOf } from '../libs/llm/dist/encode.js';
import { FAMILY_BITS, hashOfPair, O200K_TOKENS } from '../libs/llm/dist/token-table.js';

const ALONE_MAX = 2 ** FAMILY_BITS - 1;

/** @param {import('./token-oracles.mjs').Oracle[]} oracles */
export function makeTokenTable(oracles) {
  const pairs = [...pairsOf(oracles)].sort(([a], [b]) => a - b);
  const steps = pairs.map(([hash], index) => hash - (pairs[index - 1]?.[0] ?? 0));
  if (steps.some((step) => step >= 2 ** 16)) throw new Error('a step between two hashes needs more than 16 bits');
  const table = Buffer.concat([
    Buffer.from(aloneOf(oracles).buffer),
    Buffer.from(steps.map((step) => step & 0xff)),
    Buffer.from(steps.map((step) => step >>> 8)),
    Buffer.from(pairs.map(([, families]) => families)),
  ]);
  return brotliCompressSync(table, { params: { [constants.BROTLI_PARAM_LGWIN]: 24 } });
}

/**
 * A token that is half a character has no text: it counts as one.
 * @param {import('./token-oracles.mjs').Oracle[]} oracles
 */
function aloneOf(oracles) {
  return Uint16Array.from({ length: O200K_TOKENS }, (_, token) => {
    const text = textOf(token);
    const isText = !text.includes('\ufffd');
    const alone = oracles.map(({ count }) => (isText ? Math.min(count(text), ALONE_MAX) : 1));
    return alone.reduce((bits, tokens, family) => bits | (tokens << (family * FAMILY_BITS)), 0);
  });
}

/**
 * Which families have a pair of o200k's tokens as one, one bit for each, by the hash of the pair.
 * @param {import('./token-oracles.mjs').Oracle[]} oracles
 */
function pairsOf(oracles) {
  /** @type {Map<number, number>} */
  const pairs = new Map();
  for (const [family, { vocabulary }] of oracles.entries()) {
    for (const text of vocabulary()) {
      const [first, second, ...rest] = encode(text);
      if (first === undefined || second === undefined || rest.length > 0) continue;
      const hash = hashOfPair(first, second);
      pairs.set(hash, (pairs.get(hash) ?? 0) | (1 << family));
    }
  }
  return pairs;
}
