import { deriveClusters } from './derivation.js';
import type { LogEvent } from './log-event.js';
import { MessageScanner } from './message-scanner.js';
import { Shape, type ShapeSnapshot } from './shape.js';
import { ShapeTable } from './shape-table.js';
import type { Template } from './template.js';
import { templateOf } from './template-of-cluster.js';

export interface MinedTemplates {
  /** Most frequent first; of the same frequency, in the order of their first lines. */
  templates: readonly Template[];
  /** The template of the shape that `add` returned for an event. */
  templateOf(shape: number): Template;
}

export interface MinerSnapshot {
  version: 1;
  shapes: ShapeSnapshot[];
}

/**
 * Finds the templates of messages in one pass. `add` only counts: messages that are equal but for numbers, addresses and
 * other values form a shape, and shapes can be merged in any order and division. Templates are derived from the set of
 * shapes when somebody asks, so that they are the same for one pass and for merged parts.
 */
export class TemplateMiner {
  readonly #scanner = new MessageScanner();
  readonly #table: ShapeTable;

  /** More shapes than `shapesMax` are generalised to their templates; the counts stay whole. */
  constructor({ shapesMax = 20_000 }: { shapesMax?: number } = {}) {
    this.#table = new ShapeTable(shapesMax);
  }

  /** Counts an event and returns the number of its shape, which `MinedTemplates.templateOf` understands. */
  add({ message, line, level }: Pick<LogEvent, 'message' | 'line' | 'level'>): number {
    this.#scanner.scan(message);
    return this.#table.add(this.#scanner, message, line, level);
  }

  /** Shapes held at the moment. */
  get shapeCount(): number {
    return this.#table.size;
  }

  /** The number under which a shape goes on after shapes have been generalised; before that its own. */
  currentShape(shape: number): number {
    return this.#table.current(shape);
  }

  /** Adds a partial result of other lines. Returns what each of its shapes is called here. */
  merge(other: TemplateMiner): ReadonlyMap<number, number> {
    return this.#table.merge(other.#table);
  }

  /** Derives the templates of everything so far. Takes milliseconds for each thousand shapes. */
  templates(): MinedTemplates {
    const byShape = new Map<number, Template>();
    const templates = deriveClusters([...this.#table.shapes()]).map((cluster) => {
      const template = templateOf(cluster);
      for (const { number } of cluster.shapes) byShape.set(number, template);
      return template;
    });
    templates.sort((a, b) => b.count - a.count || a.firstLine - b.firstLine || (a.text < b.text ? -1 : 1));
    return {
      templates,
      templateOf: (shape) => {
        const template = byShape.get(this.#table.current(shape));
        if (!template) throw new RangeError(`No event had the shape ${shape} when these templates were derived`);
        return template;
      },
    };
  }

  /** The numbers of its shapes, in the order of the snapshot. */
  shapeNumbers(): number[] {
    return [...this.#table.shapes()].map(({ number }) => number);
  }

  /** Plain JSON, for another process. The numbers of shapes do not survive; see `restore`. */
  snapshot(): MinerSnapshot {
    return { version: 1, shapes: [...this.#table.shapes()].map((shape) => shape.snapshot()) };
  }

  /** A miner whose shapes are numbered from 0 in the order of the snapshot. */
  static restore({ shapes }: MinerSnapshot, options?: { shapesMax?: number }): TemplateMiner {
    const miner = new TemplateMiner(options);
    for (const [number, snapshot] of shapes.entries()) miner.#table.insert(Shape.restore(number, snapshot));
    return miner;
  }
}
