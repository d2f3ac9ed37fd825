import { readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';

/*
 * What families make of o200k's tokens, for every token and every pair of tokens: numbers that the families' own tokenizers gave, no
 * vocabulary. libs/llm/token-table.br holds, behind each other:
 *
 *   16 bits for each token of o200k: how many tokens it is by itself, 4 bits for each family;
 *   8, 8 and 8 bits for each pair that is one token of some family: the lower and the upper half of the difference to the hash before,
 *   and one bit for each family.
 *
 * A pair is known by 26 bits of a hash: one in 400 pairs that nobody has whole is taken for one that somebody has.
 */
export const O200K_TOKENS = 199_998;
export const FAMILY_BITS = 4;
const HASH_BITS = 26;
/** Pairs are looked up by the upper bits of their hash: two or three share them. */
const BUCKET_BITS = 16;

export interface TokenTable {
  /** 16 bits for each token. */
  alone: Uint16Array;
  /** Hash and families of each pair, in the order of the hashes. */
  pairs: Uint32Array;
  /** Where the pairs of each bucket start. */
  buckets: Uint32Array;
}

let table: TokenTable | undefined;

/** Read at the first call: 1.3 MB of memory, and about 20 ms. */
export function tokenTable(): TokenTable {
  return (table ??= unpack(brotliDecompressSync(readFileSync(new URL('../token-table.br', import.meta.url)))));
}

/** Tokens of the family, by its place in the table, for one token of o200k; from 1 to 15. */
export function tokensAlone({ alone }: TokenTable, family: number, token: number): number {
  return ((alone[token] ?? 0) >>> (family * FAMILY_BITS)) & 0xf || 1;
}

/** Whether the family has two tokens of o200k as one. */
export function isOneToken({ pairs, buckets }: TokenTable, family: number, first: number, second: number): boolean {
  const hash = hashOfPair(first, second);
  const bucket = hash >>> (HASH_BITS - BUCKET_BITS);
  const end = buckets[bucket + 1] ?? 0;
  for (let index = buckets[bucket] ?? 0; index < end; index++) {
    const pair = pairs[index] ?? 0;
    if (pair >>> FAMILY_BITS === hash) return ((pair >>> family) & 1) === 1;
  }
  return false;
}

/** Spreads pairs evenly: multiplications by odd constants (2^32 over the golden ratio, and one of MurmurHash3). */
export function hashOfPair(first: number, second: number): number {
  const mixed = Math.imul(first, 0x9e3779b1) ^ second;
  return Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b) >>> (32 - HASH_BITS);
}

function unpack(bytes: Uint8Array): TokenTable {
  const size = (bytes.length - O200K_TOKENS * 2) / 3;
  const [lower, upper, families] = [0, 1, 2].map((plane) => bytes.subarray(O200K_TOKENS * 2 + plane * size));
  const pairs = new Uint32Array(size);
  const buckets = new Uint32Array(2 ** BUCKET_BITS + 1);
  let hash = 0;
  for (let index = 0; index < size; index++) {
    hash += (lower?.[index] ?? 0) | ((upper?.[index] ?? 0) << 8);
    pairs[index] = (hash << FAMILY_BITS) | (families?.[index] ?? 0);
    // The last pair of a bucket says where the next one starts.
    buckets[(hash >>> (HASH_BITS - BUCKET_BITS)) + 1] = index + 1;
  }
  for (let bucket = 1; bucket < buckets.length; bucket++) buckets[bucket] ||= buckets[bucket - 1] ?? 0;
  const alone = new Uint16Array(Uint8Array.from(bytes.subarray(0, O200K_TOKENS * 2)).buffer);
  return { alone, pairs, buckets };
}
