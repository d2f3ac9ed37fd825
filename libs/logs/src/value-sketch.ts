import { isDigit } from './characters.js';
import { Counter } from './counter.js';
import { NumberSketch, type NumberSketchSnapshot } from './number-sketch.js';
import type { ParameterKind } from './template.js';
import { detached, hashPart, hashText } from './text-hash.js';

/** Up to this many distinct values are counted exactly; of more, an even sample of this size is. */
export const sampledValuesMax = 64;

export interface ValueCount {
  value: string;
  count: number;
  firstLine: number;
  lastLine: number;
}

type ValueCountSnapshot = [value: string, count: number, firstLine: number, lastLine: number];

export type ValueSketchSnapshot = {
  count: number;
  kinds: [ParameterKind, number][];
  values: ValueCountSnapshot[];
  threshold: number;
  numbers: NumberSketchSnapshot | undefined;
};

/**
 * What stood in one place of a message. Keeps the values of the smallest hashes (k minimum values): a value that is in
 * the final sample was below the threshold from its first occurrence on, so its count is exact, and the result is the same in
 * whatever order and division the input came.
 */
export class ValueSketch {
  count = 0;
  readonly #kinds = new Counter<ParameterKind>();
  numbers: NumberSketch | undefined;
  #values = new Map<string, ValueCount>();
  /** Values of this hash and above are no longer looked at. */
  #threshold = HASHES;
  #last: ValueCount | undefined;

  add(value: string, kind: ParameterKind, line: number): void {
    this.addPart(value, 0, value.length, kind, line);
  }

  /** The value `start` to `end` of a text, which is cut out only if it is kept: most are not. */
  addPart(text: string, start: number, end: number, kind: ParameterKind, line: number): void {
    this.count += 1;
    this.#kinds.add(kind);
    if (kind === 'number') this.#addNumber(numberOf(text, start, end), line, 1);
    const last = this.#last;
    if (last !== undefined && last.value.length === end - start && text.startsWith(last.value, start)) {
      last.count += 1;
      if (line < last.firstLine) last.firstLine = line;
      if (line > last.lastLine) last.lastLine = line;
      return;
    }
    if (this.#threshold < HASHES && hashPart(text, start, end) >= this.#threshold) return;
    this.#addValue(text.slice(start, end), 1, line, line);
  }

  /** What a constant word of a shape stands for once its place turns out to vary. */
  addConstant(value: string, kind: ParameterKind, { count, firstLine, lastLine }: Omit<ValueCount, 'value'>): void {
    this.count += count;
    this.#kinds.add(kind, count);
    if (kind === 'number') this.#addNumber(Number(value), firstLine, count);
    if (hashText(value) < this.#threshold) this.#addValue(value, count, firstLine, lastLine);
  }

  merge(other: ValueSketch): void {
    this.count += other.count;
    this.#kinds.merge(other.#kinds.entries());
    if (other.numbers) (this.numbers ??= new NumberSketch()).merge(other.numbers);
    this.#threshold = Math.min(this.#threshold, other.#threshold);
    for (const [value, found] of other.#values) {
      if (hashText(value) < this.#threshold) this.#addValue(value, found.count, found.firstLine, found.lastLine);
    }
    this.#prune();
  }

  get isComplete(): boolean {
    return this.#threshold === HASHES && this.#values.size <= sampledValuesMax;
  }

  get distinct(): number {
    if (this.isComplete) return this.#values.size;
    this.#prune();
    return Math.round((this.#values.size * HASHES) / this.#threshold);
  }

  /** The only value, if there is one only. */
  get constant(): string | undefined {
    if (this.#values.size !== 1 || this.#threshold !== HASHES) return undefined;
    const [value] = this.#values.keys();
    return value;
  }

  /** Most frequent first; of the same frequency, in the order of their characters. */
  values(): ValueCount[] {
    this.#prune();
    return [...this.#values.values()].sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
  }

  /** The kind of most values. */
  get kind(): ParameterKind {
    const [top] = this.#kinds.entries().sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    return top?.[0] ?? 'word';
  }

  snapshot(): ValueSketchSnapshot {
    const values = this.values().map(({ value, count, firstLine, lastLine }): ValueCountSnapshot => [
      value,
      count,
      firstLine,
      lastLine,
    ]);
    const kinds = this.#kinds.entries().sort(([a], [b]) => (a < b ? -1 : 1));
    return { count: this.count, kinds, values, threshold: this.#threshold, numbers: this.numbers?.snapshot() };
  }

  static restore({ count, kinds, values, threshold, numbers }: ValueSketchSnapshot): ValueSketch {
    const sketch = new ValueSketch();
    sketch.count = count;
    sketch.#kinds.merge(kinds);
    for (const [value, times, firstLine, lastLine] of values) {
      sketch.#values.set(value, { value, count: times, firstLine, lastLine });
    }
    sketch.#threshold = threshold;
    if (numbers) sketch.numbers = NumberSketch.restore(numbers);
    return sketch;
  }

  #addValue(value: string, count: number, firstLine: number, lastLine: number): void {
    let found = this.#values.get(value);
    if (found === undefined) {
      const kept = detached(value);
      found = { value: kept, count: 0, firstLine, lastLine };
      this.#values.set(kept, found);
      if (this.#values.size > 2 * sampledValuesMax) this.#prune();
    }
    found.count += count;
    if (firstLine < found.firstLine) found.firstLine = firstLine;
    if (lastLine > found.lastLine) found.lastLine = lastLine;
    this.#last = found;
  }

  #addNumber(number: number, line: number, times: number): void {
    if (Number.isFinite(number)) (this.numbers ??= new NumberSketch()).add(number, line, times);
  }

  #prune(): void {
    if (this.#values.size <= sampledValuesMax) return;
    const sorted = [...this.#values.keys()]
      .map((value) => ({ value, hash: hashText(value) }))
      .sort((a, b) => a.hash - b.hash);
    this.#threshold = sorted[sampledValuesMax]?.hash ?? this.#threshold;
    for (const { value, hash } of sorted) if (hash >= this.#threshold) this.#values.delete(value);
    this.#last = undefined;
  }
}

const HASHES = 2 ** 32;
/** Of a whole number that is exact however it is read. */
const digitsMax = 15;

function numberOf(text: string, start: number, end: number): number {
  if (end - start > digitsMax) return Number(text.slice(start, end));
  let number = 0;
  for (let at = start; at < end; at += 1) {
    const code = text.charCodeAt(at);
    if (!isDigit(code)) return Number(text.slice(start, end));
    number = number * 10 + code - 48;
  }
  return number;
}
