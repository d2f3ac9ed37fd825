import { styleText } from 'node:util';

export type Level = 'debug' | 'info' | 'warn' | 'error';

export interface LogLine {
  level: Level;
  /** For the terminal, the app's name included; may have further lines below the first. */
  text: string;
  /** What happened, in one line without time and fields. */
  summary: string;
}

const STACK_LINES_MAX = 6;
/** What an app prints above the list of problems; libs/config writes it. */
const CONFIG_HEADING = 'The configuration is not valid:';
const NAME_WIDTH = 16;
const nameColours = ['cyan', 'magenta', 'blue', 'green', 'yellow'] as const;
const levelColours = { debug: 'gray', info: 'green', warn: 'yellow', error: 'red' } as const;
/** Shown elsewhere in the line, or of no use on one machine. */
const hiddenFields = [
  'app',
  'name',
  'time',
  'level',
  'msg',
  'pid',
  'hostname',
  'err',
  'stack',
  'trace_id',
  'account_id',
];

/**
 * Renders what an app printed: a JSON line of pino as time, level, app, message and fields, anything else as it is
 * with the app's name before it.
 * @param colour index of the app's colour, undefined for a terminal without colours
 */
export function renderLine(app: string, line: string, colour?: number): LogLine {
  const paint = (format: Parameters<typeof styleText>[0], text: string) =>
    colour === undefined ? text : styleText(format, text, { validateStream: false });
  const name = paint(nameColours[(colour ?? 0) % nameColours.length] ?? 'cyan', app.padEnd(NAME_WIDTH));
  const record = parseRecord(line);
  if (!record) return { level: looksLikeError(line) ? 'error' : 'info', text: `${name} ${line}`, summary: line.trim() };

  const level = levelOf(record['level']);
  const { message: errorMessage, stack } = errorOf(record);
  const message = typeof record['msg'] === 'string' ? record['msg'] : '';
  const summary = errorMessage && !message.includes(errorMessage) ? `${message}: ${errorMessage}` : message;
  const fields = Object.entries(record)
    .filter(([key, value]) => !hiddenFields.includes(key) && isScalar(value))
    .map(([key, value]) => paint('gray', `${key}=${String(value)}`));
  const head = [paint('gray', timeOf(record['time'])), paint(levelColours[level], level.padEnd(5)), name, summary];
  const below = level === 'error' && stack ? stackLines(stack).map((frame) => paint('gray', `    ${frame}`)) : [];
  return { level, text: [[...head, ...fields].join(' '), ...below].join('\n'), summary };
}

/**
 * Of an app's last lines the one that says why it ended: the problems of its configuration, else the last error, else
 * the last line of all.
 */
export function lineThatMatters(lines: LogLine[]): string | undefined {
  const spoken = lines.filter(({ summary }) => !isNoise(summary));
  const heading = spoken.findLastIndex(({ summary }) => summary === CONFIG_HEADING);
  const problems = spoken.slice(heading + 1).filter(({ summary }) => summary.startsWith('- '));
  if (heading !== -1) return `${CONFIG_HEADING} ${problems.map(({ summary }) => summary.slice(2)).join('; ')}`;
  return (spoken.findLast(({ level }) => level === 'error') ?? spoken.at(-1))?.summary;
}

/** The lines for a person who looks for the reason: without the frames of libraries and of Node itself. */
export function withoutForeignFrames(lines: string[]): string[] {
  return lines
    .flatMap((line) => line.split('\n'))
    .filter((line) => !/\bat .*(?:node:|node_modules)/.test(line) && !/\bNode\.js v\d/.test(line));
}

function isNoise(summary: string): boolean {
  return /^(?:\^*|Node\.js v\d.*|at .*)$/.test(summary);
}

function parseRecord(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const record: unknown = JSON.parse(line);
    return typeof record === 'object' && record !== null && 'level' in record ? { ...record } : undefined;
  } catch {
    // Text that only begins like JSON.
    return undefined;
  }
}

/** Pino writes a label or a number (30 is info). */
function levelOf(level: unknown): Level {
  if (typeof level === 'number') return level >= 50 ? 'error' : level >= 40 ? 'warn' : level >= 30 ? 'info' : 'debug';
  if (level === 'fatal' || level === 'error') return 'error';
  if (level === 'warn' || level === 'info') return level;
  return 'debug';
}

function timeOf(time: unknown): string {
  const date = new Date(typeof time === 'number' || typeof time === 'string' ? time : Date.now());
  if (Number.isNaN(date.getTime())) return String(time);
  const pad = (value: number, width = 2) => String(value).padStart(width, '0');
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map((value) => pad(value)).join(':');
  return `${clock}.${pad(date.getMilliseconds(), 3)}`;
}

function errorOf(record: Record<string, unknown>): { message?: string; stack?: string } {
  const error = record['err'];
  const inner: Record<string, unknown> = typeof error === 'object' && error !== null ? { ...error } : {};
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
  return { message: text(inner['message']), stack: text(inner['stack']) ?? text(record['stack']) };
}

function stackLines(stack: string): string[] {
  const frames = stack.split('\n').filter((line) => line.trim().startsWith('at '));
  return frames.slice(0, STACK_LINES_MAX).map((line) => line.trim());
}

function isScalar(value: unknown): boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

/** What Node prints for an uncaught error: `TypeError: …`, `Error [ERR_MODULE_NOT_FOUND]: …`. */
function looksLikeError(line: string): boolean {
  return /^\s*(?:Uncaught )?\w*Error\b.*:/.test(line);
}
