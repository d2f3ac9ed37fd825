import { Character, isDigit, kindOfCharacter } from './characters.js';

/** true, false, null */
export function isLiteralValue(text: string, start: number, end: number): boolean {
  const size = end - start;
  if (size !== 4 && size !== 5) return false;
  const first = text.charCodeAt(start) | 32;
  if (first !== 116 && first !== 102 && first !== 110) return false;
  const word = text.slice(start, end).toLowerCase();
  return word === 'true' || word === 'false' || word === 'null';
}

export const isCapital = (code: number) => code >= 65 && code <= 90;
/** . : ! ? */
export const isTrailing = (code: number) => code === 46 || code === 58 || code === 33 || code === 63;
/** # . @ * $ ~ : & */
export const isLeading = (code: number) =>
  code === 35 || code === 46 || code === 64 || code === 42 || code === 36 || code === 58 || code === 38;

/** # and @ */
export const isNumberSign = (code: number) => code === 35 || code === 64;

export function hasDigit(text: string, start: number, end: number): boolean {
  for (let index = start; index < end; index += 1) if (isDigit(text.charCodeAt(index))) return true;
  return false;
}

export function isAllDigits(text: string, start: number, end: number): boolean {
  if (start >= end) return false;
  for (let index = start; index < end; index += 1) if (!isDigit(text.charCodeAt(index))) return false;
  return true;
}

export function endOfPart(text: string, start: number, end: number): number {
  const colon = text.indexOf(':', start);
  return colon < 0 || colon > end ? end : colon;
}

export function isPath(text: string, start: number, end: number, seen: number): boolean {
  const first = text.charCodeAt(start);
  if (first === 47 || first === 126) return end - start > 1;
  let slashes = 0;
  for (let index = start; index < end; index += 1) {
    const code = text.charCodeAt(index);
    if (code === 47 || code === 92) slashes += 1;
  }
  return slashes >= 2 || (seen & (Character.digit | Character.dot)) !== 0;
}

export function isHexWithColons(text: string, start: number, end: number): boolean {
  let colons = 0;
  let hasDigit = false;
  for (let index = start; index < end; index += 1) {
    const code = text.charCodeAt(index);
    const kind = kindOfCharacter(code);
    if (kind === Character.colon) colons += 1;
    else if (kind === Character.digit) hasDigit = true;
    else if (kind !== Character.hexLetter && code !== 46) return false;
  }
  return hasDigit && (colons >= 2 || isDigit(text.charCodeAt(start)));
}

/** A host has a digit, a dot or a hyphen in its name; `count:12` is a name and a number. */
export function isHostAndPort(text: string, start: number, colon: number, end: number): boolean {
  if (end - colon > 6 || !isAllDigits(text, colon + 1, end)) return false;
  for (let index = start; index < colon; index += 1) {
    const code = text.charCodeAt(index);
    if (isDigit(code) || code === 46 || code === 45) return true;
  }
  return false;
}
