import { Assignments } from './assignments.js';
import { columnsOf, isValue, skeletonOf, type Columns } from './columns.js';
import { slotMark } from './message-scanner.js';
import { RowHash } from './row-hash.js';
import type { Shape } from './shape.js';

/** Shapes that are one template, and which of their columns vary between them. */
export interface Cluster {
  columns: Columns;
  isVariable: boolean[];
  shapes: Shape[];
  words: RowHash;
}

/** As many different words in one place are values, provided that enough else is constant. */
const manyWords = 5;

/**
 */
export function deriveClusters(shapes: readonly Shape[]): Cluster[] {
  const groups = new Map<string, Cluster[]>();
  const assignments = new Assignments();
  for (const shape of shapes) {
    const columns = columnsOf(shape.key);
    assignments.add(columns, shape);
    const row: Cluster = {
      columns,
      isVariable: columns.words.map(() => false),
      shapes: [shape],
      words: RowHash.of(columns.words),
    };
    const skeleton = skeletonOf(columns);
    const group = groups.get(skeleton);
    if (group) group.push(row);
    else groups.set(skeleton, [row]);
  }
  return [...groups.values()].flatMap((group) => mergeGroup(group, assignments));
}

function mergeGroup(group: Cluster[], assignments: Assignments): Cluster[] {
  let rows = group;
  const width = rows[0]?.columns.words.length ?? 0;
  for (let isChanged = true; isChanged && rows.length > 1;) {
    isChanged = false;
    for (let column = 0; column < width; column += 1) {
      const next: Cluster[] = [];
      for (const bucket of bucketsWithout(rows, column)) {
        if (bucket.length > 1 && isParameter(bucket, column, assignments)) {
          next.push(merged(bucket, column));
          isChanged = true;
        } else next.push(...bucket);
      }
      rows = next;
    }
  }
  return rows;
}

/** Rows that are equal in every column but one. */
function bucketsWithout(rows: readonly Cluster[], column: number): Iterable<Cluster[]> {
  const buckets = new Map<number, Cluster[]>();
  for (const row of rows) {
    const key = row.words.hashWithout(column);
    const bucket = buckets.get(key);
    if (bucket) bucket.push(row);
    else buckets.set(key, [row]);
  }
  return buckets.values();
}

function isParameter(bucket: readonly Cluster[], column: number, assignments: Assignments): boolean {
  const [first] = bucket;
  const constants = constantsBeside(bucket, column);
  if (!first || constants === 0) return false;
  if (bucket.some(({ isVariable, columns }) => isVariable[column] || columns.words[column] === slotMark)) return true;
  const words = bucket.map(({ columns }) => columns.words[column] ?? '');
  if (words.includes('')) return true;
  if (/^[=:]/.test(first.columns.gaps[column + 1] ?? '')) return bucket.length >= 4 * manyWords;
  if (assignments.suggest(first.columns, column, words)) return true;
  const lines = bucket.reduce((sum, { shapes }) => sum + linesOf(shapes), 0);
  if (words.every((word) => /\w[.@]\w/.test(word)) && lines <= 2 * words.length) return true;
  return bucket.length >= (constants === 1 ? 2 * manyWords : manyWords);
}

function linesOf(shapes: readonly Shape[]): number {
  return shapes.reduce((sum, { count }) => sum + count, 0);
}

/** Words of two letters or more that stay as they are when `column` varies. */
function constantsBeside(bucket: readonly Cluster[], column: number): number {
  const [row] = bucket;
  if (!row) return 0;
  return row.columns.words.filter(
    (word, index) => index !== column && !row.isVariable[index] && !isValue(word) && /\p{L}\p{L}/u.test(word),
  ).length;
}

function merged(rows: readonly Cluster[], column: number): Cluster {
  const [first] = rows;
  if (!first) throw new RangeError('There is nothing to merge');
  const isVariable = first.isVariable.map((_, index) => index === column || rows.some((row) => row.isVariable[index]));
  const words = RowHash.of(first.columns.words.map((word, index) => (isVariable[index] ? slotMark : word)));
  return { columns: first.columns, isVariable, shapes: rows.flatMap((row) => row.shapes), words };
}
