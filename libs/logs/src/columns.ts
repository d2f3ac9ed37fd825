import { COLON, COMMA, EQUALS, SEMICOLON, SPACE, isHardDelimiter } from './characters.js';
import { slotMark } from './message-scanner.js';

/**
 * The words of a shape's key and what stands between them: `gaps` has one more than `words`. A word may be a value
 * (`slotMark`), hold one (`dump.` and the mark), or be empty: between brackets or quotes with nothing in them and after
 * `key=`, where other messages have a value.
 */
export interface Columns {
  words: string[];
  gaps: string[];
}

export function columnsOf(key: string): Columns {
  const words: string[] = [];
  const gaps: string[] = [];
  let gapStart = 0;
  let position = 0;
  const push = (start: number, end: number) => {
    gaps.push(key.slice(gapStart, start));
    words.push(key.slice(start, end));
    gapStart = end;
  };
  while (position < key.length) {
    const code = key.charCodeAt(position);
    if (!isGap(code)) {
      const start = position;
      while (position < key.length && !isGap(key.charCodeAt(position))) position += 1;
      push(start, position);
      continue;
    }
    position += 1;
    const next = key.charCodeAt(position);
    if (closes(code, next) || (code === EQUALS && isAfterEmptyValue(key, position))) push(position, position);
  }
  gaps.push(key.slice(gapStart));
  return { words, gaps };
}

/** What must be equal for words to be compared column by column. */
export function skeletonOf({ gaps }: Columns): string {
  return gaps.join('\u0002');
}

export function isValue(word: string): boolean {
  return word.includes(slotMark);
}

/** The mark is no delimiter, although it is a control character. */
function isGap(code: number): boolean {
  return code !== SLOT && (code === COLON || isHardDelimiter(code));
}

function closes(code: number, next: number): boolean {
  return (
    (code === 40 && next === 41) || (code === 91 && next === 93) || ((code === 34 || code === 39) && next === code)
  );
}

function isAfterEmptyValue(key: string, position: number): boolean {
  if (position >= key.length) return true;
  const code = key.charCodeAt(position);
  if (code === COMMA || code === SEMICOLON || code === CLOSING) return true;
  if (code !== SPACE) return false;
  let end = position + 1;
  while (end < key.length && !isGap(key.charCodeAt(end))) end += 1;
  return end > position + 1 && key.charCodeAt(end) === EQUALS;
}

const SLOT = 1;
const CLOSING = 41;
