import { isContinuation } from './continuation.js';
import { Header } from './header.js';
import { learnFormat, type LogFormat } from './line-formats.js';
import { cleanLine, innerLine, readLine } from './line-reader.js';
import { LineSplitter } from './line-splitter.js';
import type { LogEvent } from './log-event.js';

export interface LogParserOptions {
  onEvent: (event: LogEvent) => void;
  /** Number of the first line of the input; 1 unless it is a part of a log. */
  firstLine?: number;
  /** What `format` of another parser of the same log learned. Without it the first lines are kept back to learn from. */
  format?: LogFormat;
  /** The time by which dates without a year are understood; now by default. */
  referenceMs?: number;
  /** The input may begin in the middle of an event, which belongs to the part before: it is passed over. Needs `format`. */
  startsAtNextEvent?: boolean;
}

export interface ParseTotals {
  lines: number;
  events: number;
  /** With a character U+FFFD: they have bytes that are no UTF-8, or had them when somebody wrote them down. */
  unreadableLines: number;
  /** Longer than 4,194,304 characters; what is behind that is not read. */
  cutLines: number;
}

const sampleLinesMax = 1_000;
const sampleCharactersMax = 512 * 1_024;
/** No event takes more lines than this; what follows begins a new one. */
const continuationMax = 1_000;

/**
 * Turns a log into events: learns from the first lines how headers are written, splits every line accordingly, and adds
 * stack traces and other lines without a header to the event before. Feed it chunks of bytes or text, cut anywhere.
 */
export class LogParser {
  readonly #onEvent: (event: LogEvent) => void;
  readonly #referenceMs: number;
  readonly #splitter = new LineSplitter();
  readonly #header = new Header();
  readonly #takeLine = (line: string, isCut: boolean) => this.#add(line, isCut);
  #format: LogFormat | undefined;
  #sample: { line: string; isCut: boolean }[] = [];
  #sampleCharacters = 0;
  #line: number;
  #lines = 0;
  #events = 0;
  #unreadableLines = 0;
  #cutLines = 0;
  #isBeforeFirst: boolean;
  #isBehindLast = false;
  #isComplete = false;
  #event: LogEvent | undefined;
  #continuation: string[] = [];

  constructor({
    onEvent,
    firstLine = 1,
    format,
    referenceMs = Date.now(),
    startsAtNextEvent = false,
  }: LogParserOptions) {
    this.#onEvent = onEvent;
    this.#line = firstLine;
    this.#format = format;
    this.#referenceMs = referenceMs;
    this.#isBeforeFirst = startsAtNextEvent;
  }

  write(chunk: Uint8Array | string): void {
    this.#splitter.write(chunk, this.#takeLine);
  }

  /** Emits what is left. The parser takes nothing after that. */
  end(): ParseTotals {
    this.#splitter.end(this.#takeLine);
    this.#learn();
    this.#emit();
    return {
      lines: this.#lines,
      events: this.#events,
      unreadableLines: this.#unreadableLines,
      cutLines: this.#cutLines,
    };
  }

  /** From now on only what goes on with the last event is taken: what is written is part of the next part of the log. */
  finishEvent(): void {
    this.#learn();
    this.#isBehindLast = true;
  }

  /** The next event has begun, or nothing was taken before {@link finishEvent}: more of the log changes nothing. */
  get isComplete(): boolean {
    return this.#isComplete || (this.#isBehindLast && this.#lines === 0);
  }

  /** What was learned from the first lines; undefined until there were enough of them or the end came. */
  get format(): LogFormat | undefined {
    return this.#format;
  }

  #add(line: string, isCut: boolean): void {
    if (this.#format) {
      this.#parse(line, this.#format, isCut);
      return;
    }
    this.#sample.push({ line, isCut });
    this.#sampleCharacters += line.length;
    if (this.#sample.length >= sampleLinesMax || this.#sampleCharacters >= sampleCharactersMax) this.#learn();
  }

  #learn(): void {
    if (this.#format) return;
    const inner = this.#sample.map(({ line }) => innerLine(cleanLine(line), this.#header, this.#referenceMs));
    const format = learnFormat(
      inner.filter((line) => line !== undefined),
      this.#referenceMs,
    );
    this.#format = format;
    for (const { line, isCut } of this.#sample) this.#parse(line, format, isCut);
    this.#sample = [];
  }

  #parse(line: string, format: LogFormat, isCut: boolean): void {
    const header = this.#header;
    const number = this.#line;
    this.#line += 1;
    const clean = readLine(cleanLine(line), format, header, this.#referenceMs);
    if ((this.#isBeforeFirst || this.#isBehindLast) && this.#isOfOtherPart(clean, format)) return;
    this.#lines += 1;
    if (isCut) this.#cutLines += 1;
    if (this.#splitter.hasUnreadable && line.includes('\uFFFD')) this.#unreadableLines += 1;
    const hasRoom = this.#continuation.length < continuationMax;
    if (!header.isFound && this.#event && hasRoom && isContinuation(clean, this.#continuation.at(-1), format.isTimed)) {
      this.#continuation.push(clean);
      return;
    }
    this.#emit();
    const message = header.message ?? clean.slice(header.messageStart).trimEnd();
    this.#event = {
      line: number,
      lineCount: 1,
      timeMs: header.timeMs,
      level: header.level,
      levelText: header.levelText,
      host: header.host,
      process: header.process,
      pid: header.pid,
      component: header.component,
      message: header.message === undefined ? message : firstLineOf(message),
      text: line,
      continuation: header.message === undefined ? none : furtherLinesOf(message, header.stack),
    };
  }

  /** `line` has just been read. It begins an event whatever stands before it, or may be the middle of one. */
  #isOfOtherPart(line: string, format: LogFormat): boolean {
    const isBeginning = this.#header.isFound || !isContinuation(line, ' ', format.isTimed);
    if (this.#isBeforeFirst) {
      if (!isBeginning) return true;
      this.#isBeforeFirst = false;
    }
    if (this.#isBehindLast && isBeginning) this.#isComplete = true;
    return this.isComplete;
  }

  #emit(): void {
    const event = this.#event;
    if (!event) return;
    if (this.#continuation.length > 0) {
      event.continuation = [...event.continuation, ...this.#continuation];
      event.lineCount += this.#continuation.length;
      this.#continuation = [];
    }
    this.#event = undefined;
    this.#events += 1;
    this.#onEvent(event);
  }
}

const none: readonly string[] = [];

/** The message of a structured line can have several lines. */
function firstLineOf(message: string): string {
  const end = message.indexOf('\n');
  return (end < 0 ? message : message.slice(0, end)).trimEnd();
}

function furtherLinesOf(message: string, stack: string | undefined): string[] {
  const further = message.includes('\n') ? message.trimEnd().split(/\r?\n/).slice(1) : [];
  return stack === undefined ? further : [...further, ...stack.trimEnd().split(/\r?\n/)];
}

/** All events of a small input. */
export function parseLog(text: string, options?: Omit<LogParserOptions, 'onEvent'>): LogEvent[] {
  const events: LogEvent[] = [];
  const parser = new LogParser({ ...options, onEvent: (event) => events.push(event) });
  parser.write(text);
  parser.end();
  return events;
}
