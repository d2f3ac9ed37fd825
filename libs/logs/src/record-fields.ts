import type { Header } from './header.js';
import { timeMsOf } from './civil-time.js';
import { scanTimestamp } from './timestamp.js';

/** What structured lines call their fields, the usual name first; nested ones with a dot. */
const names = {
  message:
    'msg message event.message body text log short_message textPayload jsonPayload.message MESSAGE @m fields.message',
  time: 'time timestamp @timestamp ts t.$date t eventTime asctime datetime date timeUnixNano observedTimeUnixNano _timestamp @t startTime',
  level:
    'level severity log.level lvl loglevel levelname severityText severity_text s priority level_name log_level @l PRIORITY',
  component:
    'logger log.logger name logger_name module component caller c scope.name category target source service service.name',
  pid: 'pid process.pid process.id process',
  stack: 'stack err.stack error.stack error.stack_trace stack_trace exc_info exception stacktrace @x',
  host: 'hostname host.name host HOSTNAME _HOSTNAME',
};

const paths = Object.fromEntries(Object.entries(names).map(([field, all]) => [field, all.split(' ')]));

/** Pino's and bunyan's numbers. */
const numericLevels = new Map([
  ['10', 'trace'],
  ['20', 'debug'],
  ['30', 'info'],
  ['40', 'warn'],
  ['50', 'error'],
  ['60', 'fatal'],
]);
const syslogLevels = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'];
const mongoLevels: Record<string, string> = { F: 'fatal', E: 'error', W: 'warn', I: 'info', D: 'debug' };

/** Fills `header` from the fields of a structured line; false when none of them is a message, a time or a level. */
export function readFields(field: (path: string) => string | undefined, header: Header, referenceMs: number): boolean {
  const pick = (name: string) => {
    for (const path of paths[name] ?? []) {
      const value = field(path);
      if (value !== undefined && value !== '') return value;
    }
    return undefined;
  };
  const message = pick('message');
  const time = pick('time');
  const level = pick('level');
  if (message === undefined && time === undefined && level === undefined) return false;
  header.message = message;
  header.stack = pick('stack');
  const timeMs = time === undefined ? undefined : timeOfText(time, referenceMs);
  if (timeMs !== undefined) header.timeMs = timeMs;
  if (level !== undefined) {
    header.setLevel(level);
    const spelled =
      numericLevels.get(level) ?? (/^[0-7]$/.test(level) ? syslogLevels[Number(level)] : mongoLevels[level]);
    if (header.level === undefined && spelled !== undefined) {
      header.setLevel(spelled);
      header.levelText = level;
    }
  }
  header.component = pick('component') ?? header.component;
  header.pid = pick('pid') ?? header.pid;
  header.host = pick('host') ?? header.host;
  return true;
}

function timeOfText(text: string, referenceMs: number): number | undefined {
  const time = scanTimestamp(text, 0);
  if (time !== undefined) return timeMsOf(time, referenceMs);
  // Seconds as a fraction that is written with an exponent.
  const seconds = Number(text);
  return seconds > 946_684_800 && seconds < 2_082_758_400 ? Math.round(seconds * 1_000) : undefined;
}
