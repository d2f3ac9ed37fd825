import { columnsOf } from './columns.js';
import { slotMark } from './message-scanner.js';
import { Shape } from './shape.js';

/** The key with a value in every column that varies. A word that holds a value stays as it is where all shapes agree. */
export function generalisedKey(key: string, isVariable: readonly boolean[]): string {
  const { words, gaps } = columnsOf(key);
  let result = '';
  for (const [column, word] of words.entries()) {
    result += (gaps[column] ?? '') + (isVariable[column] ? slotMark : word);
  }
  return result + (gaps[words.length] ?? '');
}

/**
 * Counts in `target` what `shape` holds. Both have the same number of columns; where `target` has a value, `shape` may
 * have a constant word instead, which then was the value of all of its messages.
 */
export function absorb(target: Shape, shape: Shape): void {
  if (target.key === shape.key) {
    target.merge(shape);
    return;
  }
  target.mergeTotals(shape);
  const { words } = columnsOf(shape.key);
  let slot = 0;
  let ownSlot = 0;
  for (const [column, targetWord] of columnsOf(target.key).words.entries()) {
    const word = words[column] ?? '';
    const slots = countMarks(word);
    const targetSlots = countMarks(targetWord);
    for (let index = 0; index < targetSlots; index += 1) {
      const values = target.values[slot + index];
      const others = slots === 0 ? undefined : shape.values[ownSlot + Math.min(index, slots - 1)];
      if (others) values?.merge(others);
      else if (word !== '') values?.addConstant(word, 'word', shape);
    }
    slot += targetSlots;
    ownSlot += slots;
  }
}

function countMarks(word: string): number {
  let marks = 0;
  for (let at = word.indexOf(slotMark); at >= 0; at = word.indexOf(slotMark, at + 1)) marks += 1;
  return marks;
}
