import { Counter } from './counter.js';
import type { LogLevel } from './log-level.js';
import { slotMark, type MessageScanner } from './message-scanner.js';
import { ValueSketch, type ValueSketchSnapshot } from './value-sketch.js';

export interface ShapeSnapshot {
  key: string;
  count: number;
  firstLine: number;
  lastLine: number;
  levels: [LogLevel, number][];
  values: ValueSketchSnapshot[];
}

/** Messages that are equal but for what the scanner takes for values. */
export class Shape {
  count = 0;
  firstLine = Infinity;
  lastLine = 0;
  readonly #levels = new Counter<LogLevel>();

  constructor(
    readonly number: number,
    /** The message with `slotMark` in place of each value. */
    readonly key: string,
    readonly values: readonly ValueSketch[] = Array.from({ length: slotsOf(key) }, () => new ValueSketch()),
  ) {}

  get levels(): [level: LogLevel, count: number][] {
    return this.#levels.entries();
  }

  /** `scanner` has just scanned `message`. */
  add(scanner: MessageScanner, message: string, line: number, level: LogLevel | undefined): void {
    this.#count(1, line, line);
    if (level !== undefined) this.#levels.add(level);
    for (let slot = 0; slot < this.values.length; slot += 1) {
      const start = scanner.starts[slot] ?? 0;
      const end = scanner.ends[slot] ?? 0;
      this.values[slot]?.addPart(message, start, end, scanner.kinds[slot] ?? 'word', line);
    }
  }

  /** Adds what is known of other messages of the same key. */
  merge(other: Shape): void {
    this.mergeTotals(other);
    for (const [slot, values] of this.values.entries()) {
      const others = other.values[slot];
      if (others) values.merge(others);
    }
  }

  /** The same shape, sharing its values, under another number. */
  renumbered(number: number): Shape {
    const shape = new Shape(number, this.key, this.values);
    shape.mergeTotals(this);
    return shape;
  }

  /** Counts, lines and levels without the values. */
  mergeTotals({ count, firstLine, lastLine, levels }: Shape): void {
    this.#count(count, firstLine, lastLine);
    this.#levels.merge(levels);
  }

  snapshot(): ShapeSnapshot {
    const { key, count, firstLine, lastLine } = this;
    const levels = this.levels.sort(([a], [b]) => (a < b ? -1 : 1));
    return { key, count, firstLine, lastLine, levels, values: this.values.map((values) => values.snapshot()) };
  }

  static restore(number: number, { key, count, firstLine, lastLine, levels, values }: ShapeSnapshot): Shape {
    const shape = new Shape(
      number,
      key,
      values.map((snapshot) => ValueSketch.restore(snapshot)),
    );
    shape.#count(count, firstLine, lastLine);
    shape.#levels.merge(levels);
    return shape;
  }

  #count(count: number, firstLine: number, lastLine: number): void {
    this.count += count;
    if (firstLine < this.firstLine) this.firstLine = firstLine;
    if (lastLine > this.lastLine) this.lastLine = lastLine;
  }
}

function slotsOf(key: string): number {
  let slots = 0;
  for (let at = key.indexOf(slotMark); at >= 0; at = key.indexOf(slotMark, at + 1)) slots += 1;
  return slots;
}
