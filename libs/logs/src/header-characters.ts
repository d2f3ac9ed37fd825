import {
  BAR,
  CLOSING_BRACKET,
  COLON,
  COMMA,
  OPENING_BRACKET,
  SPACE,
  TAB,
  isAsciiLetter,
  isDigit,
} from './characters.js';

export function skipSpaces(line: string, start: number): number {
  let at = start;
  while (line.charCodeAt(at) === SPACE || line.charCodeAt(at) === TAB) at += 1;
  return at;
}

const isLetter = (code: number) => isAsciiLetter(code) || code > 127;
export const isWordCharacter = (code: number) => isLetter(code) || isDigit(code) || code === 95;
/** Also . $ - / @ # ( ) < > + * ~ and the colon within `a::b`. */
export const isNameCharacter = (code: number) =>
  isWordCharacter(code) ||
  (code >= 35 && code <= 47 && code !== 44 && code !== 39) ||
  code === 60 ||
  code === 62 ||
  code === 64 ||
  code === 126;
/** ( [ < */
export const isOpening = (code: number) => code === 40 || code === OPENING_BRACKET || code === 60;
export const isClosing = (code: number) => code === 41 || code === CLOSING_BRACKET || code === 62;
/** - : | , and what word processors make of a dash */
export const isSeparator = (code: number) =>
  code === 45 || code === COLON || code === BAR || code === COMMA || code === 0x2013 || code === 0x2014;
/** The end of the line is NaN. */
export const isBoundary = (code: number) =>
  code === SPACE ||
  code === TAB ||
  code === BAR ||
  code === COMMA ||
  Number.isNaN(code) ||
  isOpening(code) ||
  isClosing(code);

/** Whether the bracket at `end` closes one that was opened before `start`, as in `[10:00:00 WARN]`. */
export function closesHeader(line: string, start: number, end: number): boolean {
  if (line.charCodeAt(end) !== CLOSING_BRACKET) return false;
  return line.lastIndexOf('[', start) > line.lastIndexOf(']', start);
}
