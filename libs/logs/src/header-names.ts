import { CLOSING_BRACKET, COLON, OPENING_BRACKET, SPACE, isDigit } from './characters.js';
import type { Header } from './header.js';
import { closesHeader, isBoundary, isNameCharacter, skipSpaces } from './header-characters.js';
import { levelOf } from './log-level.js';

/** The longest name of a component; what is longer is text with a colon in it. */
export const nameMax = 120;

/** The name has no spaces but before its colon; a number in brackets after it is the process. */
export function readName(line: string, start: number, header: Header): number {
  let end = start;
  const last = Math.min(line.length, start + nameMax);
  for (; end < last; end += 1) {
    const code = line.charCodeAt(end);
    if (!isNameCharacter(code) && (code !== COLON || !isWithinName(line, end))) break;
  }
  if (end === start) return -1;
  let after = end;
  if (line.charCodeAt(end) === OPENING_BRACKET) after = readPid(line, end, header);
  if (after < 0) return -1;
  if (closesHeader(line, start, after)) {
    header.component = line.slice(start, end);
    return skipSpaces(line, after + 1);
  }
  after = skipSpaces(line, after);
  if (line.charCodeAt(after) !== COLON || !isBoundary(line.charCodeAt(after + 1))) return -1;
  const name = line.slice(start, end);
  // `31#17`, a process and its thread.
  if (isDigit(line.charCodeAt(start)) && /^\d+(?:#\d+)?$/.test(name)) header.pid ??= name;
  else header.component = name;
  return skipSpaces(line, after + 1);
}

/** One of the colons of `a::b`. */
function isWithinName(line: string, at: number): boolean {
  return line.charCodeAt(at - 1) === COLON || line.charCodeAt(at + 1) === COLON;
}

export function readDashed(line: string, start: number, header: Header): number {
  const dash = line.indexOf(' - ', start);
  if (dash < 0 || dash === start || dash - start > nameMax) return -1;
  const name = line.slice(start, dash).trimEnd();
  if (!/^[\w.$@/#<>-]+(?:\[\d+\])?(?: \*?\d+)?$/.test(name)) return -1;
  header.component = name;
  return skipSpaces(line, dash + 3);
}

/** A line without a program, such as `host last message repeated 2 times`, keeps its host only. */
export function readSyslog(line: string, start: number, header: Header): number {
  let hostEnd = start;
  while (hostEnd < line.length && line.charCodeAt(hostEnd) !== SPACE) hostEnd += 1;
  if (hostEnd === start || line.charCodeAt(hostEnd - 1) === COLON) return -1;
  const host = line.slice(start, hostEnd);
  if (levelOf(host) !== undefined) return -1;
  header.host = host;
  const tagStart = skipSpaces(line, hostEnd);
  const colon = line.indexOf(':', tagStart);
  if (colon < 0 || colon - tagStart > nameMax) return tagStart;
  const next = line.charCodeAt(colon + 1);
  const tag = line.slice(tagStart, colon);
  // Names may hold spaces when their process number says where they end; else one space before a version.
  const found = /^(\S+(?: \S+){0,3})\[(\d+)\](?: \([^()]*\))?$|^(\S+(?: v?\d\S*)?)$/.exec(tag);
  if (!found || !(isBoundary(next) || (found[2] !== undefined && next !== COLON))) return tagStart;
  header.process = found[1] ?? found[3];
  header.pid = found[2];
  return skipSpaces(line, colon + 1);
}

function readPid(line: string, opening: number, header: Header): number {
  let end = opening + 1;
  while (isDigit(line.charCodeAt(end))) end += 1;
  if (end === opening + 1 || line.charCodeAt(end) !== CLOSING_BRACKET) return -1;
  header.pid = line.slice(opening + 1, end);
  return end + 1;
}
