import { BAR, COLON, COMMA, SLASH, SPACE, TAB, isDigit } from './characters.js';
import type { Header } from './header.js';
import {
  closesHeader,
  isBoundary,
  isClosing,
  isOpening,
  isSeparator,
  isWordCharacter,
  skipSpaces,
} from './header-characters.js';
import { nameMax, readDashed, readName, readSyslog } from './header-names.js';
import { levelOf, levelOfLetter } from './log-level.js';
import { timeMsOf } from './civil-time.js';
import { scanTimestamp } from './timestamp.js';

/** One thing in the header of a line, in the order in which they stand. */
export const steps = [
  /** A timestamp, also in brackets. */
  'time',
  /** A word for a level, also in brackets or with a colon. */
  'level',
  /** A level with a colon, also behind a word of whoever it is about: `ada@shop ERROR: `. */
  'owned',
  /** Logcat's and others' single letter. */
  'letter',
  /** Anything in balanced brackets: a thread, a logger, an id. */
  'group',
  'number',
  'word',
  /** `com.example.Shop` */
  'dotted',
  /** `Shop: `, `shop[17]: `, `Shop   : ` */
  'name',
  /** `Shop - ` */
  'dashed',
  /** `host program[17]: ` */
  'syslog',
  /** Up to the next `|` or tab. */
  'cell',
  /** `-`, `|`, `,` and the like between fields. */
  'separator',
] as const;
export type Step = (typeof steps)[number];

/**
 * Reads `step` at `start` into `header`. Returns the index after it and the spaces that follow, or -1 when something else
 * stands there.
 */
export function readStep(step: Step, line: string, start: number, header: Header, referenceMs: number): number {
  switch (step) {
    case 'time':
      return readTime(line, start, header, referenceMs);
    case 'level':
      return readLevel(line, start, header);
    case 'owned':
      return readOwned(line, start, header);
    case 'letter':
      return readLetter(line, start, header);
    case 'group':
      return readGroup(line, start, header);
    case 'number':
      return readNumber(line, start, header);
    case 'word':
      return readWord(line, start, header, false);
    case 'dotted':
      return readWord(line, start, header, true);
    case 'name':
      return readName(line, start, header);
    case 'dashed':
      return readDashed(line, start, header);
    case 'syslog':
      return readSyslog(line, start, header);
    case 'cell':
      return readCell(line, start, header);
    case 'separator':
      return readSeparator(line, start);
  }
}

function readTime(line: string, start: number, header: Header, referenceMs: number): number {
  const isEnclosed = isOpening(line.charCodeAt(start));
  const time = scanTimestamp(line, isEnclosed ? start + 1 : start);
  if (time === undefined) return -1;
  let { end } = time;
  if (isEnclosed) {
    // [10:00:00 17], as Ruby writes it: the rest is another field.
    if (isClosing(line.charCodeAt(end))) end += 1;
    else if (line.charCodeAt(end) !== SPACE) return -1;
  } else if (!isBoundary(line.charCodeAt(end)) && line.charCodeAt(end) !== COLON) return -1;
  const ms = timeMsOf(time, referenceMs);
  // A date alone, or one whose year is a guess, does not replace what is known.
  if (ms !== undefined && ((time.hasTime && time.hasYear) || header.timeMs === undefined)) header.timeMs = ms;
  return skipSpaces(line, end);
}

function readLevel(line: string, start: number, header: Header): number {
  const isEnclosed = isOpening(line.charCodeAt(start));
  const wordStart = isEnclosed ? skipSpaces(line, start + 1) : start;
  let end = wordStart;
  while (isWordCharacter(line.charCodeAt(end)) && end - wordStart < 14) end += 1;
  if (end === wordStart || isWordCharacter(line.charCodeAt(end))) return -1;
  const text = line.slice(wordStart, end);
  const level = levelOf(text);
  if (level === undefined) return -1;
  if (isEnclosed) {
    end = skipSpaces(line, end);
    if (!isClosing(line.charCodeAt(end))) return -1;
    end += 1;
  }
  if (line.charCodeAt(end) === COLON) end += 1;
  if (!isEnclosed && closesHeader(line, start, end)) end += 1;
  if (!isBoundary(line.charCodeAt(end))) return -1;
  header.level = level;
  header.levelText = text;
  return skipSpaces(line, end);
}

function readOwned(line: string, start: number, header: Header): number {
  const space = line.indexOf(' ', start);
  const colon = line.indexOf(':', start);
  if (space < 0 || colon < 0 || colon - start > nameMax || isOpening(line.charCodeAt(start))) return -1;
  // `LOG: ` has its colon before the first space, `ada@shop LOG: ` behind it.
  const levelStart = colon < space ? start : space + 1;
  if (line.charCodeAt(colon + 1) !== SPACE || !/^[A-Z]+\d?$/.test(line.slice(levelStart, colon))) return -1;
  return readLevel(line, levelStart, header);
}

function readLetter(line: string, start: number, header: Header): number {
  const letter = line.charAt(start);
  const level = levelOfLetter(letter);
  const mark = line.charCodeAt(start + 1);
  if (level === undefined || (mark !== SPACE && mark !== SLASH && mark !== COMMA)) return -1;
  header.levelText = letter;
  header.level = level;
  return skipSpaces(line, start + 2);
}

function readGroup(line: string, start: number, header: Header): number {
  const opening = line.charCodeAt(start);
  if (!isOpening(opening)) return -1;
  const closing = opening === 40 ? 41 : opening + 2;
  let depth = 0;
  const last = Math.min(line.length, start + 400);
  for (let index = start; index < last; index += 1) {
    const code = line.charCodeAt(index);
    if (code === opening) depth += 1;
    else if (code === closing) depth -= 1;
    if (depth > 0) continue;
    const end = line.charCodeAt(index + 1) === COLON ? index + 2 : index + 1;
    const next = line.charCodeAt(end);
    if (!isBoundary(next) && !isOpening(next)) return -1;
    setContext(header, line.slice(start + 1, index).trim());
    return skipSpaces(line, end);
  }
  return -1;
}

function readNumber(line: string, start: number, header: Header): number {
  let end = start;
  while (isDigit(line.charCodeAt(end))) end += 1;
  if (end === start || end - start > 12 || !isBoundary(line.charCodeAt(end))) return -1;
  header.pid ??= line.slice(start, end);
  return skipSpaces(line, end);
}

function readWord(line: string, start: number, header: Header, isDotted: boolean): number {
  let end = start;
  while (end < line.length && line.charCodeAt(end) !== SPACE && line.charCodeAt(end) !== TAB) end += 1;
  if (end === start || end - start > nameMax) return -1;
  const text = line.slice(start, end);
  if (isDotted && !/^[A-Za-z_$][\w$-]*(?:[.:/]+[\w$@-]+)+:?$/.test(text)) return -1;
  if (levelOf(text) === undefined) setField(header, text);
  return skipSpaces(line, end);
}

function readCell(line: string, start: number, header: Header): number {
  let end = start;
  while (end < line.length && line.charCodeAt(end) !== BAR && line.charCodeAt(end) !== TAB) end += 1;
  if (end >= line.length || end - start > nameMax) return -1;
  setField(header, line.slice(start, end).trim());
  return skipSpaces(line, end + 1);
}

/** Also several of them, such as `-- :`. */
function readSeparator(line: string, start: number): number {
  let end = start;
  while (end - start < 4 && isSeparator(line.charCodeAt(end))) end += 1;
  if (end === start) return -1;
  const isTight = line.charCodeAt(start) === BAR || line.charCodeAt(start) === COMMA;
  if (!isTight && !isBoundary(line.charCodeAt(end))) return -1;
  const next = skipSpaces(line, end);
  const after = readSeparatorAgain(line, next);
  return after < 0 ? next : after;
}

function readSeparatorAgain(line: string, at: number): number {
  return line.charCodeAt(at) === COLON && line.charCodeAt(at + 1) === SPACE ? skipSpaces(line, at + 1) : -1;
}

/** A thread or a request's id is the component only where nothing else is. */
function setContext(header: Header, text: string): void {
  const { component } = header;
  const letter = levelOfLetter(text);
  if (header.level === undefined && letter !== undefined) {
    header.level = letter;
    header.levelText = text;
    return;
  }
  // `core:error`: a module and its level.
  const [, module, moduleLevel] = /^([\w-]+):([a-z]+)\d?$/.exec(text) ?? [];
  if (header.level === undefined && moduleLevel !== undefined && levelOf(moduleLevel) !== undefined) {
    header.setLevel(moduleLevel);
    header.component = module;
    return;
  }
  setField(header, text);
  header.component = component ?? header.component;
}

/** The first number is the process, the last name the component. */
function setField(header: Header, text: string): void {
  if (header.level === undefined && levelOf(text) !== undefined) header.setLevel(text);
  else if (/^\d+$/.test(text)) header.pid ??= text;
  else if (/\p{L}[^,]/u.test(text)) header.component = text;
}
