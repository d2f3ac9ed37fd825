import type { Columns } from './columns.js';
import { Counter } from './counter.js';
import { saysFailure } from './failure-signs.js';
import { slotMark } from './message-scanner.js';
import type { Shape } from './shape.js';
import type { ValueSketch } from './value-sketch.js';

/** So many keys have a flag for their value. */
const keysOfFlagMin = 3;
/** What has more values than this is more than switched on and off. */
const valuesOfFlagMax = 2;

/** What stands before a value. */
const announcement = /[:([{"'|]\s?$/;

/** What `key=value` anywhere in a log says about its vocabulary: which words are names of values, and which are values. */
export class Assignments {
  readonly #keys = new Map<string, Set<string>>();
  readonly #values = new Set<string>();
  #flags: ReadonlySet<string> | undefined;

  add({ words, gaps }: Columns, shape: Shape): void {
    let slot = 0;
    for (const [column, word] of words.entries()) {
      const before = words[column - 1] ?? '';
      const isValueOfKey = gaps[column]?.trim() === '=';
      const own = isValueOfKey && /\p{L}/u.test(before) ? this.#valuesOf(before) : undefined;
      for (let at = word.indexOf(slotMark); at >= 0; at = word.indexOf(slotMark, at + 1)) {
        if (isValueOfKey && word === slotMark) this.#addValues(shape.values[slot], own);
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
    return announcement.test(gap) && candidates.every((word) => this.#values.has(word));
  }

  /** Whether a word says yes or no, as `true` and `false` do: the value of several keys that know one word or two. */
  isFlag(word: string): boolean {
    this.#flags ??= this.#findFlags();
    return this.#flags.has(word);
  }

  /** A flag in a place for values: between brackets or quotes, or behind a colon. */
  isEnclosedFlag({ words, gaps }: Columns, column: number): boolean {
    return announcement.test(gaps[column] ?? '') && this.isFlag(words[column] ?? '');
  }

  #findFlags(): ReadonlySet<string> {
    const keysOf = new Counter<string>();
    for (const values of this.#keys.values()) {
      if (values.size <= valuesOfFlagMax) keysOf.merge([...values].map((value) => [value, 1]));
    }
    const flags = keysOf.entries().filter(([word, keys]) => keys >= keysOfFlagMin && /^\p{L}{2,}$/u.test(word));
    return new Set(flags.flatMap(([word]) => (saysFailure(word) ? [] : [word])));
  }

  #valuesOf(key: string): Set<string> {
    const known = this.#keys.get(key) ?? new Set();
    this.#keys.set(key, known);
    return known;
  }

  #addValues(values: ValueSketch | undefined, own: Set<string> | undefined): void {
    if (values === undefined) return;
    // More than a few, and it is no matter which.
    if (own && own.size <= valuesOfFlagMax) for (const { value } of values.values()) own.add(value);
    if (values.kind !== 'word' || values.constant !== undefined) return;
    for (const { value } of values.values()) this.#values.add(value);
  }
}
