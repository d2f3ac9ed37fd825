import { Header } from './header.js';
import { skipSpaces } from './header-characters.js';
import { readStep, type Step } from './header-steps.js';
import { scanTimestamp } from './timestamp.js';

/** The steps of the header of lines that are written in the same way. */
export interface Layout {
  steps: Step[];
}

/** A step belongs to the header when this share of the lines has it. */
const mostLines = 0.9;
/** Fewer lines than this say nothing about habits: only what cannot be part of a message is taken for a header. */
const fewLines = 10;
const stepsMax = 16;
/** How far before a time or a level other columns may stand. */
const columnsBeforeMax = 8;

/** Learns what stands before the messages of lines that have their times in the same place and form. */
export function learnLayout(lines: readonly string[], referenceMs: number): Layout {
  const steps: Step[] = [];
  let cursors = lines.map((line) => ({ line, at: skipSpaces(line, 0) }));
  while (steps.length < stepsMax) {
    const found = nextSteps(cursors, steps, referenceMs);
    if (found.length === 0) break;
    for (const step of found) {
      steps.push(step);
      cursors = cursors.flatMap(({ line, at }) => {
        const next = readStep(step, line, at, scratch, referenceMs);
        return next < 0 ? [] : [{ line, at: next }];
      });
    }
    if (cursors.length === 0) break;
  }
  return { steps };
}

/** Reads the header; a line that lacks a step has its message there. */
export function readLayout({ steps }: Layout, line: string, header: Header, referenceMs: number): void {
  let at = skipSpaces(line, 0);
  for (const step of steps) {
    const next = readStep(step, line, at, header, referenceMs);
    if (next < 0) break;
    at = next;
  }
  header.messageStart = at;
}

interface Cursor {
  line: string;
  at: number;
}

const scratch = new Header();

function nextSteps(cursors: readonly Cursor[], before: readonly Step[], referenceMs: number): Step[] {
  const has = (step: Step) => shareOf(cursors, step, referenceMs) >= mostLines;
  const isFew = cursors.length < fewLines;
  const hasTime = before.includes('time');
  const hasLevel = before.includes('level') || before.includes('letter') || before.includes('owned');
  const isNamed = before.some((step) => step === 'name' || step === 'dashed' || step === 'syslog');
  const last = before.at(-1);
  if (last !== 'separator' && before.length > 0 && has('separator')) return ['separator'];
  if (has('time')) return ['time'];
  if (last === 'time' && isSyslog(cursors, isFew)) return ['syslog'];
  if (isNamed && hasLevel) return [];
  const isLevel = isNamed || isFew ? (cursor: Cursor) => isPlainLevel(cursor, referenceMs) : undefined;
  if (!hasLevel && has('level') && (isLevel === undefined || cursors.every(isLevel))) return ['level'];
  if (!hasLevel && hasTime && has('owned') && (!isFew || shareOf(cursors, 'owned', referenceMs) === 1))
    return ['owned'];
  const columns = isNamed || (hasLevel && hasTime) ? [] : columnsBeforeAnchor(cursors, hasTime, hasLevel, referenceMs);
  if (columns.length > 0) return columns;
  if (!hasLevel && hasTime && has('letter')) return ['letter'];
  if (before.length === 0) return isFew || !has('name') ? [] : ['name'];
  if (has('number') && cursors.every(({ line, at }) => /^\d+\s+(?:-+\s|\[)/.test(line.slice(at, at + 40))))
    return ['number'];
  if (hasCells(cursors)) return ['cell'];
  const isMessage = (isFew && cursors.some(isDetail)) || cursors.filter(endsWithGroup).length > cursors.length / 2;
  if (has('group') && !isMessage) return ['group'];
  if (isNamed) return [];
  if (has('name') && (!isFew || last === 'letter' || cursors.every(({ line, at }) => isCertainName(line, at))))
    return ['name'];
  if (!isFew && has('dashed')) return ['dashed'];
  if (has('dotted') && (!isFew || hasLevel)) return ['dotted'];
  if (isFew) return [];
  if (!hasLevel && has('number')) return ['number'];
  return isPadded(cursors) ? ['word'] : [];
}

function shareOf(cursors: readonly Cursor[], step: Step, referenceMs: number): number {
  let count = 0;
  for (const { line, at } of cursors) if (readStep(step, line, at, scratch, referenceMs) >= 0) count += 1;
  return count / cursors.length;
}

/** The columns up to a time or a level that stands behind the same number of columns in most lines. */
function columnsBeforeAnchor(
  cursors: readonly Cursor[],
  hasTime: boolean,
  hasLevel: boolean,
  referenceMs: number,
): Step[] {
  const steps: Step[] = [];
  let ahead = [...cursors];
  for (let column = 0; column < columnsBeforeMax && ahead.length >= cursors.length * mostLines; column += 1) {
    if (column > 0) {
      const hasNumbers = steps.every((step) => step === 'number');
      const isLetter = (cursor: Cursor) =>
        hasTime && !hasLevel && hasNumbers && readStep('letter', cursor.line, cursor.at, scratch, referenceMs) >= 0;
      const isTime = (cursor: Cursor) => readStep('time', cursor.line, cursor.at, scratch, referenceMs) >= 0;
      const isAnchor = (cursor: Cursor) =>
        (!hasLevel && isPlainLevel(cursor, referenceMs)) || isTime(cursor) || isLetter(cursor);
      const anchored = ahead.filter(isAnchor).length;
      if (anchored >= cursors.length * mostLines) return steps;
    }
    const step = (['separator', 'group', 'number', 'word'] as const).find(
      // A dash may stand for a missing word.
      (candidate) => shareOf(ahead, candidate, referenceMs) >= (candidate === 'separator' ? 1 : mostLines),
    );
    if (step === undefined || (hasTime && column > 5)) return [];
    steps.push(step);
    ahead = ahead.flatMap(({ line, at }) => {
      const next = readStep(step, line, at, scratch, referenceMs);
      return next < 0 ? [] : [{ line, at: next }];
    });
  }
  return [];
}

/** Capitals, brackets, a colon or padding: the word "error" within a sentence is no column. */
export function isPlainLevel({ line, at }: Cursor, referenceMs: number): boolean {
  const end = readStep('level', line, at, scratch, referenceMs);
  if (end < 0) return false;
  const text = line.slice(at, end);
  return /^[[(<]|:\s*$| {2,}$|\t$/.test(text) || !/[a-z]/.test(text);
}

/** Two words with a colon after the second, which has a process number in many of the lines. */
function isSyslog(cursors: readonly Cursor[], isFew: boolean): boolean {
  let tagged = 0;
  let numbered = 0;
  for (const { line, at } of cursors) {
    scratch.clear();
    const next = readStep('syslog', line, at, scratch, 0);
    if (next < 0 || scratch.process === undefined) continue;
    tagged += 1;
    if (scratch.pid !== undefined) numbered += 1;
  }
  const first = cursors[0];
  const isShortDate =
    first !== undefined && /[A-Z][a-z]{2} [ \d]?\d (?:\d{4} )?[\d:.]+\s*$/.test(first.line.slice(0, first.at));
  if (isShortDate) return tagged >= cursors.length * 0.5;
  return numbered >= cursors.length * (isFew ? 1 : 0.3) && tagged >= cursors.length * 0.8;
}

/** A name that is none by accident: dotted, or with a process number. */
function isCertainName(line: string, at: number): boolean {
  const text = line.slice(at, at + 200);
  return /^(?:[\w$-]+\.)+[\w$-]+\s*:|^[\w./-]+\[\d+\]:|^\d+#\d+:|^[\w$.:-]+\] /.test(text);
}

/** Where brackets hold all that is left, they hold the message. */
function endsWithGroup({ line, at }: Cursor): boolean {
  return at < line.length && readStep('group', line, at, scratch, 0) >= line.length;
}

/** `[client 10.0.0.1]` and the like begin messages; threads and requests have no addresses beside other words. */
function isDetail({ line, at }: Cursor): boolean {
  return /^[[(<]\w+ [^\])>]*\d\.\d/.test(line.slice(at, at + 100));
}

function hasCells(cursors: readonly Cursor[]): boolean {
  const marked = cursors.filter(({ line, at }) => {
    const before = line.slice(Math.max(0, at - 2), at);
    // zap: the cell before the fields is the message.
    if (/^[^|\t]*\t\{/.test(line.slice(at, at + 200))) return false;
    return /[|\t]/.test(before) && /^[^|\t\s]*(?: [^|\t\s]+)?\s?[|\t]/.test(line.slice(at, at + 80));
  });
  return marked.length >= cursors.length * 0.95;
}

/** Short words with two spaces or more behind them, in nearly every line: a column of fixed width. */
function isPadded(cursors: readonly Cursor[]): boolean {
  const padded = cursors.filter(({ line, at }) => /^\S{1,24}(?: {2,}|\t)\S/.test(line.slice(at, at + 80)));
  return padded.length >= cursors.length * 0.95;
}

/**
 * Where the first time of a line stands and how it is written: `form * 16 + column`, in which lines of one format agree. -1
 * without one.
 */
export function timeSignature(line: string): number {
  let at = skipSpaces(line, 0);
  for (let column = 0; column <= columnsBeforeMax && at < line.length; column += 1) {
    const code = line.charCodeAt(at);
    const isEnclosed = code === 91 || code === 40 || code === 60;
    const time = scanTimestamp(line, isEnclosed ? at + 1 : at);
    if (time?.hasTime) {
      const next = line.charCodeAt(skipSpaces(line, time.end));
      const form = time.form * 4 + (isEnclosed ? 2 : 0) + (next === 45 || next === 124 ? 1 : 0);
      return form * 16 + column;
    }
    while (at < line.length && line.charCodeAt(at) !== 32 && line.charCodeAt(at) !== 9) at += 1;
    at = skipSpaces(line, at);
  }
  return -1;
}
