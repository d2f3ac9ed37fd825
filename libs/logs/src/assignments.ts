import type { Columns } from './columns.js';
import { slotMark } from './message-scanner.js';
import type { Shape } from './shape.js';

/** What `key=value` anywhere in a log says about its vocabulary: which words are names of values, and which are values. */
export class Assignments {
  readonly #keys = new Set<string>();
  readonly #values = new Set<string>();

  add({ words, gaps }: Columns, shape: Shape): void {
    let slot = 0;
    for (const [column, word] of words.entries()) {
      const before = words[column - 1] ?? '';
      if (gaps[column]?.trim() === '=' && /\p{L}/u.test(before)) this.#keys.add(before);
      for (let at = word.indexOf(slotMark); at >= 0; at = word.indexOf(slotMark, at + 1)) {
        if (gaps[column]?.trim() === '=' && word === slotMark) this.#addValues(shape, slot);
        slot += 1;
      }
    }
  }

  /**
   * Whether different words in a column are values: they stand after a word that is a key elsewhere (`user root` where
   * there is `user=…`), or they are values elsewhere and something encloses or announces them here (`overlap: false`).
   */
  suggest({ words, gaps }: Columns, column: number, candidates: readonly string[]): boolean {
    const gap = gaps[column] ?? '';
    if (gap === ' ' && column > 0 && this.#keys.has(words[column - 1] ?? '')) return true;
    return /[:([{"'|]\s?$/.test(gap) && candidates.every((word) => this.#values.has(word));
  }

  #addValues(shape: Shape, slot: number): void {
    const values = shape.values[slot];
    if (values?.kind !== 'word' || values.constant !== undefined) return;
    for (const { value } of values.values()) this.#values.add(value);
  }
}
