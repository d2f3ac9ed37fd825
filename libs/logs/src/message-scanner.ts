import { isHardDelimiter, kindOfCharacter, Character } from './characters.js';
import { scanTimestamp } from './timestamp.js';
import type { ParameterKind } from './template.js';

/** Stands for a value in a shape's key. */
export const slotMark = '\u0001';
/** Values beyond this many in one message become part of the last one. */
export const slotsMax = 48;
/** So many values with single spaces between them are a list. */
const listMin = 6;
const SCANNED_CHARACTERS_MAX = 4_096;

/**
 * Separates what varies by its nature (numbers, addresses, ids, paths, times, what follows `=`) from the words of a
 * message, in one pass over its characters. The key is the message with a mark in place of every value and with single
 * spaces. An instance is reused for every message: its fields hold the result of the last scan.
 */
export class MessageScanner {
  key = '';
  slotCount = 0;
  readonly starts = new Int32Array(slotsMax);
  readonly ends = new Int32Array(slotsMax);
  readonly kinds = Array.from({ length: slotsMax }, (): ParameterKind => 'word');
  #text = '';
  #key = '';
  /** Everything before it is in the key. */
  #copied = 0;
  /** Values with nothing but single spaces between them: the first of them and the key before it. */
  #row: { first: number; key: string; isList?: boolean } = { first: 0, key: '' };

  scan(text: string): void {
    this.#text = text;
    this.#key = '';
    this.#copied = 0;
    this.slotCount = 0;
    const length = Math.min(text.length, SCANNED_CHARACTERS_MAX);
    let position = 0;
    while (position < length) {
      const code = text.charCodeAt(position);
      if (code === 32 || code === 9) position = this.#spaces(position, length);
      else if (code === 61) position = this.#assignment(position, length);
      else if (isHardDelimiter(code)) position += 1;
      else position = this.#word(position, length);
    }
    if (text.length > length) this.#slot(length, text.length, 'text');
    this.key = this.#copied === 0 ? text : this.#key + text.slice(this.#copied);
  }

  /** One space in the key for any run of them, so that padding does not make a difference. */
  #spaces(start: number, length: number): number {
    let end = start + 1;
    while (end < length && isSpace(this.#text.charCodeAt(end))) end += 1;
    if (end - start > 1 || this.#text.charCodeAt(start) === 9) {
      this.#key += `${this.#text.slice(this.#copied, start)} `;
      this.#copied = end;
    }
    return end;
  }

  /** `key=value`, `key = value` and `key= value`; not `==`, `=>`, nor an empty value before the next key. */
  #assignment(equals: number, length: number): number {
    const text = this.#text;
    const next = text.charCodeAt(equals + 1);
    if (next === 61 || next === 62 || equals === 0) return equals + 1 + (next === 61 ? 1 : 0);
    let start = equals + 1;
    if (next === 32) start += 1;
    const quote = text.charCodeAt(start);
    if (start >= length || isSpace(quote)) return equals + 1;
    if (quote === 34 || quote === 39) return this.#quoted(start + 1, quote, length);
    if (isHardDelimiter(quote)) return equals + 1;
    let end = start;
    while (end < length && !isHardDelimiter(text.charCodeAt(end))) end += 1;
    if (next === 32 && (text.charCodeAt(end) === 61 || text.charCodeAt(end + 1) === 61)) return equals + 1;
    const before = this.slotCount;
    const after = this.#word(start, length);
    if (this.slotCount > before) return after;
    if (text.charCodeAt(end) === 123) end = this.#braces(end, length);
    while (end - 1 > start && isTrailing(text.charCodeAt(end - 1))) end -= 1;
    this.#slot(start, end, 'word');
    return end;
  }

  /** What stands between quotes after `=` is one value. */
  #quoted(start: number, quote: number, length: number): number {
    const end = this.#text.indexOf(String.fromCharCode(quote), start);
    if (end < 0 || end >= length || end === start) return start;
    return this.#slot(start, end, 'text');
  }

  /** The end of `Name{…}` when it holds no keys and no braces of its own; otherwise where it began. */
  #braces(start: number, length: number): number {
    const most = Math.min(length, start + 80);
    for (let index = start + 1; index < most; index += 1) {
      const code = this.#text.charCodeAt(index);
      if (code === 125) return index + 1;
      if (code === 123 || code === 61) break;
    }
    return start;
  }

  #word(start: number, length: number): number {
    const text = this.#text;
    let end = start;
    let seen = 0;
    for (; end < length; end += 1) {
      const kind = kindOfCharacter(text.charCodeAt(end));
      if (kind === Character.hard) break;
      seen |= kind;
    }
    if ((seen & (Character.digit | Character.slash)) === 0) {
      const from = (seen & Character.colon) === 0 ? start : text.lastIndexOf(':', end - 1) + 1;
      if (isLiteralValue(text, from, end)) return this.#slot(from, end, 'word');
      if (end - start <= 4 && end - start >= 3 && isCapital(text.charCodeAt(start)) && text.charCodeAt(end) === 32)
        return this.#dateByName(start, end);
      return end;
    }
    if ((seen & Character.digit) !== 0 && isDigit(text.charCodeAt(start))) {
      const time = scanTimestamp(text, start);
      if (time !== undefined && time.end >= end && time.hasTime) return this.#slot(start, time.end, 'time');
    }
    // `r24=` is a name.
    if (text.charCodeAt(end) === 61 && !isDigit(text.charCodeAt(start)) && end - start < 16) return end;
    this.#value(start, end, seen);
    return end;
  }

  /** `Fri Jun 17 07:07:00 2005` and the like are one value. */
  #dateByName(start: number, end: number): number {
    const time = scanTimestamp(this.#text, start);
    return time?.hasTime ? this.#slot(start, time.end, 'time') : end;
  }

  /** A word with a digit or a slash: a value as a whole, in part, or not at all. */
  #value(wordStart: number, wordEnd: number, seen: number): void {
    const text = this.#text;
    let start = wordStart;
    let end = wordEnd;
    while (end > start && isTrailing(text.charCodeAt(end - 1))) end -= 1;
    while (start < end && isLeading(text.charCodeAt(start))) start += 1;
    if (start >= end) return;
    if ((seen & Character.slash) !== 0) {
      if (isPath(text, start, end, seen)) {
        this.#slot(start, end, 'path');
        return;
      }
      if ((seen & Character.digit) === 0) return;
    }
    if ((seen & Character.colon) !== 0) {
      this.#colonParts(start, end);
      return;
    }
    this.#part(start, end);
  }

  /** Addresses with ports, MACs and times are one value; otherwise `name:value` is a name and a value. */
  #colonParts(start: number, end: number): void {
    const text = this.#text;
    const first = text.indexOf(':', start);
    if (first < 0 || first >= end) {
      this.#part(start, end);
      return;
    }
    if (isHexWithColons(text, start, end) || isHostAndPort(text, start, first, end)) {
      this.#slot(start, end, 'address');
      return;
    }
    let from = start;
    while (from < end) {
      let to = text.indexOf(':', from);
      if (to < 0 || to > end) to = end;
      if (to < end && isHostAndPort(text, from, to, endOfPart(text, to + 1, end))) {
        to = endOfPart(text, to + 1, end);
        this.#slot(from, to, 'address');
      } else if (to > from) this.#part(from, to);
      from = to + 1;
    }
  }

  #part(partStart: number, end: number): void {
    const text = this.#text;
    let start = partStart;
    while (start < end && isLeading(text.charCodeAt(start))) start += 1;
    let digits = 0;
    let hexLetters = 0;
    let letters = 0;
    let lastDot = -1;
    let lastSign = -1;
    for (let index = start; index < end; index += 1) {
      const kind = kindOfCharacter(text.charCodeAt(index));
      if (kind === Character.digit) digits += 1;
      else if (kind === Character.hexLetter) hexLetters += 1;
      else if (kind === Character.letter) letters += 1;
      else if (kind === Character.dot) lastDot = index;
      else if (isNumberSign(text.charCodeAt(index))) lastSign = index;
    }
    if (digits === 0) return;
    if (letters + hexLetters === 0) {
      this.#slot(start, end, 'number');
      return;
    }
    // `core.4900`, `Reader #1`, `Event@7317849d`: a name and a value.
    const isNumbered = lastDot > start && lastSign < 0 && isAllDigits(text, lastDot + 1, end);
    const split = isNumbered ? lastDot + 1 : lastSign + 1;
    if (split > start && !hasDigit(text, start, split)) {
      this.#part(split, end);
      return;
    }
    const isHex =
      letters === 0 || (letters === 1 && text.charCodeAt(start) === 48 && text.charCodeAt(start + 1) === 120);
    this.#slot(start, end, isHex ? 'hex' : 'id');
  }

  #slot(start: number, end: number, kind: ParameterKind): number {
    if (this.slotCount === slotsMax) {
      // The rest of the message is one value with the last one.
      this.ends[slotsMax - 1] = this.#text.length;
      this.#copied = this.#text.length;
      return this.#text.length;
    }
    const isInRow = this.slotCount > 0 && start === this.#copied + 1 && this.#text.charCodeAt(start - 1) === 32;
    if (!isInRow) this.#row = { first: this.slotCount, key: this.#key + this.#text.slice(this.#copied, start) };
    this.#key += this.#text.slice(this.#copied, start) + slotMark;
    this.#copied = end;
    this.starts[this.slotCount] = start;
    this.ends[this.slotCount] = end;
    this.kinds[this.slotCount] = kind;
    this.slotCount += 1;
    if (this.slotCount - this.#row.first >= (this.#row.isList ? 2 : listMin)) this.#joinList(end);
    return end;
  }

  /** Lists of different lengths are the same message: many values in a row become one. */
  #joinList(end: number): void {
    const { first } = this.#row;
    this.#key = this.#row.key + slotMark;
    this.ends[first] = end;
    this.kinds[first] = 'text';
    this.slotCount = first + 1;
    this.#row.isList = true;
  }
}

/** true, false, null */
function isLiteralValue(text: string, start: number, end: number): boolean {
  const size = end - start;
  if (size !== 4 && size !== 5) return false;
  const first = text.charCodeAt(start) | 32;
  if (first !== 116 && first !== 102 && first !== 110) return false;
  const word = text.slice(start, end).toLowerCase();
  return word === 'true' || word === 'false' || word === 'null';
}

const isCapital = (code: number) => code >= 65 && code <= 90;
const isSpace = (code: number) => code === 32 || code === 9;
const isDigit = (code: number) => code >= 48 && code <= 57;
/** . : ! ? */
const isTrailing = (code: number) => code === 46 || code === 58 || code === 33 || code === 63;
/** # . @ * $ ~ : & */
const isLeading = (code: number) =>
  code === 35 || code === 46 || code === 64 || code === 42 || code === 36 || code === 58 || code === 38;

/** # and @ */
const isNumberSign = (code: number) => code === 35 || code === 64;

function hasDigit(text: string, start: number, end: number): boolean {
  for (let index = start; index < end; index += 1) if (isDigit(text.charCodeAt(index))) return true;
  return false;
}

function isAllDigits(text: string, start: number, end: number): boolean {
  if (start >= end) return false;
  for (let index = start; index < end; index += 1) if (!isDigit(text.charCodeAt(index))) return false;
  return true;
}

function endOfPart(text: string, start: number, end: number): number {
  const colon = text.indexOf(':', start);
  return colon < 0 || colon > end ? end : colon;
}

function isPath(text: string, start: number, end: number, seen: number): boolean {
  const first = text.charCodeAt(start);
  if (first === 47 || first === 126) return end - start > 1;
  let slashes = 0;
  for (let index = start; index < end; index += 1) {
    const code = text.charCodeAt(index);
    if (code === 47 || code === 92) slashes += 1;
  }
  return slashes >= 2 || (seen & (Character.digit | Character.dot)) !== 0;
}

function isHexWithColons(text: string, start: number, end: number): boolean {
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
function isHostAndPort(text: string, start: number, colon: number, end: number): boolean {
  if (end - colon > 6 || !isAllDigits(text, colon + 1, end)) return false;
  for (let index = start; index < colon; index += 1) {
    const code = text.charCodeAt(index);
    if (isDigit(code) || code === 46 || code === 45) return true;
  }
  return false;
}
