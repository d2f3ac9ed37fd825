/** Pulls every weight towards 0, which is "as the parts have it": few texts must not move what many texts leave open. */
const RIDGE = 0.02;
/** An error below this counts by its square, one above by its size: a language that is far off does not spoil the others. */
const ROBUST_FROM = 0.02;
const ROUNDS = 8;

/**
 * What a family has more, or fewer, for one part of each kind and form than the part has by itself: robust ridge regression over
 * relative errors, by least squares that are weighted anew in every round (Huber's loss).
 *
 * @param {import('../libs/llm/dist/token-parts.js').TokenParts[]} texts
 * @param {number[]} counted tokens of each text in the family
 * @returns {number[]} a weight for each of the counts of parts
 */
export function fitWeights(texts, counted) {
  const rows = texts.map(({ counts }, index) => Array.from(counts, (count) => count / at(counted, index)));
  const targets = texts.map(({ tokens }, index) => 1 - tokens / at(counted, index));
  let weights = (rows[0] ?? []).map(() => 0);
  let shares = texts.map(() => 1);
  for (let round = 0; round < ROUNDS; round++) {
    weights = solve(rows, targets, shares);
    shares = rows.map((row, index) => {
      const error = Math.abs(
        row.reduce((sum, value, feature) => sum + value * at(weights, feature), 0) - at(targets, index),
      );
      return ROBUST_FROM / Math.max(ROBUST_FROM, error);
    });
  }
  return weights;
}

/**
 * Weighted least squares with a ridge, by the normal equations and Gauss-Jordan elimination with pivots.
 *
 * @param {number[][]} rows
 * @param {number[]} targets
 * @param {number[]} shares
 */
function solve(rows, targets, shares) {
  const size = rows[0]?.length ?? 0;
  const matrix = Array.from({ length: size }, (_, i) =>
    Array.from({ length: size + 1 }, (_, j) => (i === j ? RIDGE : 0)),
  );
  for (const [index, row] of rows.entries()) {
    for (let i = 0; i < size; i++) {
      const scaled = at(row, i) * at(shares, index);
      if (scaled === 0) continue;
      for (let j = 0; j < size; j++) add(matrix, i, j, scaled * at(row, j));
      add(matrix, i, size, scaled * at(targets, index));
    }
  }
  for (let column = 0; column < size; column++) {
    const pivots = matrix.map((row, i) => (i < column ? -1 : Math.abs(at(row, column))));
    const pivot = pivots.indexOf(Math.max(...pivots));
    [matrix[column], matrix[pivot]] = [at(matrix, pivot), at(matrix, column)];
    for (let i = 0; i < size; i++) {
      const factor = at(at(matrix, i), column) / at(at(matrix, column), column);
      if (i === column || factor === 0) continue;
      for (let j = column; j <= size; j++) add(matrix, i, j, -factor * at(at(matrix, column), j));
    }
  }
  return matrix.map((row, i) => at(row, size) / at(row, i));
}

/**
 * @template T
 * @param {T[]} list
 * @param {number} index
 * @returns {T}
 */
function at(list, index) {
  const value = list[index];
  if (value === undefined) throw new Error(`nothing at ${index}`);
  return value;
}

/** @param {number[][]} matrix @param {number} i @param {number} j @param {number} value */
function add(matrix, i, j, value) {
  const row = at(matrix, i);
  row[j] = at(row, j) + value;
}
