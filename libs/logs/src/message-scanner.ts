import {
  TAB,
  SPACE,
  EQUALS,
  GREATER,
  OPENING_BRACE,
  CLOSING_BRACE,
  isQuote,
  isDigit,
  isSpace,
  Character,
  isHardDelimiter,
  kindOfCharacter,
} from './characters.js';
import {
  isLiteralValue,
  isCapital,
  isTrailing,
  isLeading,
  isNumberSign,
  hasDigit,
  isAllDigits,
  endOfPart,
  isPath,
  isHexWithColons,
  isHostAndPort,
} from './value-forms.js';
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
  /** Values with nothing but single spaces between them: the first of them, and how long the key is before it. */
  #rowFirst = 0;
  #rowKeyLength = 0;
  #isList = false;

  scan(text: string): void {
    this.#text = text;
    this.#key = '';
    this.#copied = 0;
    this.slotCount = 0;
    const length = Math.min(text.length, SCANNED_CHARACTERS_MAX);
    let position = 0;
    while (position < length) {
      const code = text.charCodeAt(position);
      if (isSpace(code)) position = this.#spaces(position, length);
      else if (code === EQUALS) position = this.#assignment(position, length);
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
    if (end - start > 1 || this.#text.charCodeAt(start) === TAB) {
      this.#key += `${this.#text.slice(this.#copied, start)} `;
      this.#copied = end;
    }
    return end;
  }

  /** `key=value`, `key = value` and `key= value`; not `==`, `=>`, nor an empty value before the next key. */
  #assignment(equals: number, length: number): number {
    const text = this.#text;
    const next = text.charCodeAt(equals + 1);
    if (next === EQUALS || next === GREATER || equals === 0) return equals + 1 + (next === EQUALS ? 1 : 0);
    let start = equals + 1;
    if (next === SPACE) start += 1;
    const quote = text.charCodeAt(start);
    if (start >= length || isSpace(quote)) return equals + 1;
    if (isQuote(quote)) return this.#quoted(start + 1, quote, length);
    if (isHardDelimiter(quote)) return equals + 1;
    let end = start;
    while (end < length && !isHardDelimiter(text.charCodeAt(end))) end += 1;
    if (next === SPACE && (text.charCodeAt(end) === EQUALS || text.charCodeAt(end + 1) === EQUALS)) return equals + 1;
    const before = this.slotCount;
    const after = this.#word(start, length);
    if (this.slotCount > before) return after;
    if (text.charCodeAt(end) === OPENING_BRACE) end = this.#braces(end, length);
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
      if (code === CLOSING_BRACE) return index + 1;
      if (code === OPENING_BRACE || code === EQUALS) break;
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
      if (end - start <= 4 && end - start >= 3 && isCapital(text.charCodeAt(start)) && text.charCodeAt(end) === SPACE)
        return this.#dateByName(start, end);
      return end;
    }
    if (seen === Character.digit && !mayBeginTime(text, end, end - start)) return this.#slot(start, end, 'number');
    if ((seen & Character.digit) !== 0 && isDigit(text.charCodeAt(start))) {
      const time = scanTimestamp(text, start);
      if (time !== undefined && time.end >= end && time.hasTime) return this.#slot(start, time.end, 'time');
    }
    // `r24=` is a name.
    if (text.charCodeAt(end) === EQUALS && !isDigit(text.charCodeAt(start)) && end - start < 16) return end;
    this.#value(start, end, seen);
    return end;
  }

  /** `Wed Jan 31 10:00:00 2024` and the like are one value. */
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
    // `dump.4900`, `Reader #1`, `Event@1f2e3d4c`: a name and a value.
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
    const isInRow = this.slotCount > 0 && start === this.#copied + 1 && this.#text.charCodeAt(start - 1) === SPACE;
    if (!isInRow) {
      this.#rowFirst = this.slotCount;
      this.#rowKeyLength = this.#key.length + start - this.#copied;
      this.#isList = false;
    }
    this.#key += this.#text.slice(this.#copied, start) + slotMark;
    this.#copied = end;
    this.starts[this.slotCount] = start;
    this.ends[this.slotCount] = end;
    this.kinds[this.slotCount] = kind;
    this.slotCount += 1;
    if (this.slotCount - this.#rowFirst >= (this.#isList ? 2 : listMin)) this.#joinList(end);
    return end;
  }

  /** Lists of different lengths are the same message: many values in a row become one. */
  #joinList(end: number): void {
    const first = this.#rowFirst;
    this.#key = this.#key.slice(0, this.#rowKeyLength) + slotMark;
    this.ends[first] = end;
    this.kinds[first] = 'text';
    this.slotCount = first + 1;
    this.#isList = true;
  }
}

/** Whether a number of so many digits, with a delimiter behind it, can be a day before its month, a date or an epoch. */
function mayBeginTime(text: string, end: number, length: number): boolean {
  return length > 7 || length === 6 || (length < 3 && text.charCodeAt(end) === SPACE);
}
