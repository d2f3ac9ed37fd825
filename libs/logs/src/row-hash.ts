import { hashText } from './text-hash.js';

const HIGH = 2 ** 21;

/**
 * Hashes of the words of a row that can be added up without any one column, so that rows which differ in one column only
 * are found without comparing them: 53 bits, of which two unequal rows in a hundred million million agree.
 */
export class RowHash {
  #high = 0;
  #low = 0;

  private constructor(
    private readonly highs: Uint32Array,
    private readonly lows: Uint32Array,
  ) {}

  static of(words: readonly string[]): RowHash {
    const row = new RowHash(new Uint32Array(words.length), new Uint32Array(words.length));
    for (const [column, word] of words.entries()) {
      const hash = hashText(word, Math.imul(column + 1, 0x9e3779b1));
      const low = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 0;
      row.highs[column] = hash;
      row.lows[column] = low;
      row.#high = (row.#high + hash) >>> 0;
      row.#low = (row.#low + low) >>> 0;
    }
    return row;
  }

  hashWithout(column: number): number {
    const high = (this.#high - (this.highs[column] ?? 0)) >>> 0;
    const low = (this.#low - (this.lows[column] ?? 0)) >>> 0;
    return high * HIGH + (low >>> 11);
  }
}
