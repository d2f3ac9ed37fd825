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
  /** What the log says about words that are values. */
  assignments: Assignments;
}

/** As many different words in one place are values, provided that enough else is constant. */
const manyWords = 5;

/**
 * Decides which shapes are one template. Shapes with the same delimiters in the same order are rows of a table. Rows that are
 * equal in every column but one are looked at together: the column is a parameter where one of them already has a value or
 * nothing there, where the log itself uses the words as values (see Assignments), or where there are many different
 * words for what stays constant; otherwise the words are different messages. Merged rows are looked at again until
 * nothing changes. The outcome depends on the set of shapes only, not on their order (columns are taken from left to right).
 *
 * Of the ideas in print it takes Brain's (what is constant beside a word tells whether the word varies) and leaves its and
 * Drain's thresholds on similarity, which have to be tuned for each system.
 */
export function deriveClusters(shapes: readonly Shape[]): Cluster[] {
  const groups = new Map<string, Cluster[]>();
  const assignments = new Assignments();
  const columnsOfShapes = shapes.map((shape) => [shape, columnsOf(shape.key)] as const);
  for (const [shape, columns] of columnsOfShapes) assignments.add(columns, shape);
  for (const [shape, columns] of columnsOfShapes) {
    const isVariable = columns.words.map((_, column) => assignments.isEnclosedFlag(columns, column));
    const words = rowHash(columns, isVariable);
    const row: Cluster = { columns, isVariable, shapes: [shape], words, assignments };
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
  if (first.columns.gaps[column + 1]?.startsWith('=') === true) return bucket.length >= 4 * manyWords;
  if (assignments.suggest(first.columns, column, words) || words.every(isUnit)) return true;
  const lines = bucket.reduce((sum, { shapes }) => sum + linesOf(shapes), 0);
  if (words.every((word) => /\w[.@]\w/.test(word)) && lines <= 2 * words.length) return true;
  return bucket.length >= wordsOfParameter(constants);
}

/** How many different words make a column a parameter: fewer, the more words around it are the same. */
function wordsOfParameter(constants: number): number {
  if (constants === 1) return 2 * manyWords;
  return constants < 8 ? manyWords : 3;
}

function isUnit(word: string): boolean {
  return /^(?:[KMGT]?i?B|[kmgt]b|bytes|[nuµm]?s|secs?|seconds?|mins?|minutes?|hours?|days?)$/.test(word);
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
  const words = rowHash(first.columns, isVariable);
  return { ...first, isVariable, shapes: rows.flatMap((row) => row.shapes), words };
}

function rowHash({ words }: Columns, isVariable: readonly boolean[]): RowHash {
  return RowHash.of(words.map((word, column) => (isVariable[column] ? slotMark : word)));
}
