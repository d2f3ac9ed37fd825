import { columnsOf, skeletonOf } from './columns.js';
import { deriveClusters } from './derivation.js';
import { absorb, generalisedKey } from './generalise.js';
import type { LogLevel } from './log-level.js';
import { slotMark, type MessageScanner } from './message-scanner.js';
import { Shape } from './shape.js';
import { detached } from './text-hash.js';

/** Ways in which the shapes of one skeleton were generalised that are tried for a new message. */
const generalisationsMax = 16;

/**
 * The shapes by their keys. Holds at most `shapesMax`: when there are more, those that derive to one template become one
 * shape with a value in each column that varies, and if that is not enough the rarest become one that is nothing but a value.
 * No count is ever lost. Up to that bound the table does not depend on the order of its input; beyond it it does.
 */
export class ShapeTable {
  readonly #shapes = new Map<string, Shape>();
  /** Of each shape that has ever been: the number that it goes by now. */
  readonly #numbers: number[] = [];
  /** Which columns vary, for the skeletons of generalised shapes. */
  readonly #generalisations = new Map<string, boolean[][]>();

  constructor(readonly shapesMax: number) {}

  get size(): number {
    return this.#shapes.size;
  }

  shapes(): IterableIterator<Shape> {
    return this.#shapes.values();
  }

  /** Counts a message that `scanner` has just scanned, and returns the number of its shape. */
  add(scanner: MessageScanner, message: string, line: number, level: LogLevel | undefined): number {
    const found = this.#shapes.get(scanner.key);
    if (found) {
      found.add(scanner, message, line, level);
      return found.number;
    }
    const shape = new Shape(this.#numbers.length, detached(scanner.key));
    shape.add(scanner, message, line, level);
    return this.insert(shape);
  }

  /** Returns the number of the shape that now holds what `shape` held. */
  insert(shape: Shape): number {
    const target = this.#shapes.get(shape.key) ?? this.#generalisedShape(shape.key);
    if (target) {
      absorb(target, shape);
      return target.number;
    }
    const added = shape.number === this.#numbers.length ? shape : shape.renumbered(this.#numbers.length);
    this.#numbers.push(added.number);
    this.#shapes.set(added.key, added);
    if (this.#shapes.size > this.shapesMax) this.#compact();
    return this.current(added.number);
  }

  /** Adds copies of another table's shapes. */
  merge(other: ShapeTable): ReadonlyMap<number, number> {
    const numbers = new Map<number, number>();
    for (const shape of other.shapes()) {
      const copy = new Shape(this.#numbers.length, shape.key);
      copy.merge(shape);
      numbers.set(shape.number, this.insert(copy));
    }
    for (const [number, then] of numbers) numbers.set(number, this.current(then));
    return numbers;
  }

  current(number: number): number {
    let now = number;
    for (let next = this.#numbers[now]; next !== undefined && next !== now; next = this.#numbers[now]) now = next;
    return now;
  }

  #generalisedShape(key: string): Shape | undefined {
    if (this.#generalisations.size === 0) return undefined;
    for (const isVariable of this.#generalisations.get(skeletonOf(columnsOf(key))) ?? []) {
      const shape = this.#shapes.get(generalisedKey(key, isVariable));
      if (shape) return shape;
    }
    return this.#shapes.get(slotMark)?.key === key ? this.#shapes.get(slotMark) : undefined;
  }

  #compact(): void {
    for (const { shapes, columns, isVariable } of deriveClusters([...this.#shapes.values()])) {
      const [first] = shapes;
      if (!first || shapes.length < 2) continue;
      const key = generalisedKey(first.key, isVariable);
      this.#mergeInto(key, shapes);
      const skeleton = skeletonOf(columns);
      const known = this.#generalisations.get(skeleton) ?? [];
      const isKnown = known.some((other) => other.every((value, column) => value === isVariable[column]));
      if (!isKnown && known.length < generalisationsMax) this.#generalisations.set(skeleton, [...known, isVariable]);
    }
    if (this.#shapes.size <= this.shapesMax / 2) return;
    const rest = this.#shapes.size - this.shapesMax / 4;
    const rarest = [...this.#shapes.values()].sort((a, b) => a.count - b.count || b.firstLine - a.firstLine);
    this.#mergeInto(
      slotMark,
      rarest.slice(0, rest).filter(({ key }) => key !== slotMark),
    );
  }

  #mergeInto(key: string, shapes: readonly Shape[]): void {
    for (const shape of shapes) this.#shapes.delete(shape.key);
    let target = this.#shapes.get(key);
    if (!target) {
      target = new Shape(this.#numbers.length, key);
      this.#numbers.push(target.number);
      this.#shapes.set(key, target);
    }
    for (const shape of shapes) {
      if (key === slotMark) target.mergeTotals(shape);
      else absorb(target, shape);
      this.#numbers[shape.number] = target.number;
    }
  }
}
