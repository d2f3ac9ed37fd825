import { COLON, DASH, SLASH, SPACE, isDigit } from './characters.js';
import type { Header } from './header.js';
import { skipSpaces } from './header-characters.js';
import { levelOf, levelOfLetter, type LogLevel } from './log-level.js';
import { dateMs, latestYearMs, timeMsOf } from './civil-time.js';
import { scanTimestamp } from './timestamp.js';

const SMALL_T = 116;

/** Formats whose times no general rule would find: klog's letter and date in one word, dates in the middle of access logs. */
export function readKnownLine(line: string, start: number, header: Header, referenceMs: number): boolean {
  return (
    readKlog(line, start, header, referenceMs) ||
    readAccessLog(line, start, header, referenceMs) ||
    readPythonDefault(line, start, header) ||
    readLogcatBrief(line, start, header) ||
    readRoleAndMark(line, start, header, referenceMs) ||
    readAudit(line, start, header) ||
    readUptime(line, start, header)
  );
}

/** `I0131 10:00:00.123456   17 file.go:42] message`, of Kubernetes and glog. */
function readKlog(line: string, start: number, header: Header, referenceMs: number): boolean {
  if (line.charCodeAt(start + 5) !== 32 || line.charCodeAt(start + 8) !== 58) return false;
  const level = levelOfLetter(line.charAt(start));
  if (level === undefined) return false;
  const found = /^[IWEF](\d\d)(\d\d) (\d\d):(\d\d):(\d\d)(\.\d+)?\s+(\d+) ([^\s\]]+)\] ?/.exec(
    line.slice(start, start + 200),
  );
  if (!found) return false;
  const [all, month, day, hour, minute, second, fraction] = found;
  const offsetMs = dateMs(1970, 1, 1) + ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1_000;
  const milliseconds = Math.floor(Number(fraction ?? 0) * 1_000);
  header.timeMs = latestYearMs(Number(month), Number(day), offsetMs + milliseconds, referenceMs);
  header.level = level;
  header.levelText = line.charAt(start);
  header.pid = found[7];
  header.component = found[8];
  header.messageStart = start + all.length;
  return true;
}

/** `host ident user [time] "request" …`, the common log format and what extends it. The message begins at the request. */
function readAccessLog(line: string, start: number, header: Header, referenceMs: number): boolean {
  // An ISO date, as most lines begin: no host is written so.
  if (line.charCodeAt(start + 4) === DASH && line.charCodeAt(start + 7) === DASH) return false;
  const bracket = line.indexOf(' [', start);
  if (bracket < 0 || bracket - start > 200 || line.charCodeAt(bracket + 4) !== 47) return false;
  const close = line.indexOf('] "', bracket);
  if (close < 0 || close - bracket > 40) return false;
  const time = scanTimestamp(line, bracket + 2);
  if (time?.hasTime !== true || time.end !== close) return false;
  header.timeMs = timeMsOf(time, referenceMs);
  const [host] = line.slice(start, bracket).split(' ', 1);
  header.host = host;
  header.messageStart = close + 2;
  return true;
}

/** `17:M 31 Jan 2024 10:00:00.123 * message`, of Redis and what descends from it: a role, and a mark for the level. */
function readRoleAndMark(line: string, start: number, header: Header, referenceMs: number): boolean {
  if (!isDigit(line.charCodeAt(start)) || !isRole(line, start)) return false;
  const found = /^(\d+):[MSCX] /.exec(line.slice(start, start + 12));
  const time = found && scanTimestamp(line, start + found[0].length);
  if (!found || time?.hasTime !== true) return false;
  const mark = levelsOfMarks.get(line.slice(time.end, time.end + 3));
  if (mark === undefined) return false;
  header.timeMs = timeMsOf(time, referenceMs);
  header.pid = found[1];
  header.level = mark;
  header.levelText = line.charAt(time.end + 1);
  header.messageStart = time.end + 3;
  return true;
}

/** Digits, a colon, a letter and a space: cheaper than the expression, for lines that begin with a time. */
function isRole(line: string, start: number): boolean {
  let at = start;
  while (isDigit(line.charCodeAt(at))) at += 1;
  return line.charCodeAt(at) === COLON && line.charCodeAt(at + 2) === SPACE;
}

const levelsOfMarks = new Map<string, LogLevel>([
  [' . ', 'debug'],
  [' - ', 'info'],
  [' * ', 'notice'],
  [' # ', 'warn'],
]);

/** `type=SYSCALL msg=audit(1706695200.123:456): message`, of Linux's audit: seconds since 1970 and a number. */
function readAudit(line: string, start: number, header: Header): boolean {
  if (line.charCodeAt(start) !== SMALL_T || !line.startsWith('type=', start)) return false;
  const found = /^type=(\w+) msg=audit\((\d{9,10}\.\d{3}):\d+\): ?/.exec(line.slice(start, start + 120));
  if (!found) return false;
  header.timeMs = Math.round(Number(found[2]) * 1_000);
  header.component = found[1];
  header.messageStart = start + found[0].length;
  return true;
}

/** `WARNING:root:message` */
function readPythonDefault(line: string, start: number, header: Header): boolean {
  const code = line.charCodeAt(start);
  if (code < 67 || code > 87) return false;
  const found = /^([A-Z]{4,8}):([\w.]+):/.exec(line.slice(start, start + 120));
  const [all, level = '', component] = found ?? [];
  if (all === undefined || levelOf(level) === undefined) return false;
  header.setLevel(level);
  header.component = component;
  header.messageStart = skipSpaces(line, start + all.length);
  return true;
}

/** `E/Tag( 1234): message` */
function readLogcatBrief(line: string, start: number, header: Header): boolean {
  if (line.charCodeAt(start + 1) !== SLASH) return false;
  const level = levelOfLetter(line.charAt(start));
  if (level === undefined) return false;
  const found = /^[VDIWEF]\/([^(\s][^(]{0,80}?) *\( *(\d+)\): ?/.exec(line.slice(start, start + 120));
  if (!found) return false;
  header.level = level;
  header.levelText = line.charAt(start);
  header.component = found[1];
  header.pid = found[2];
  header.messageStart = start + found[0].length;
  return true;
}

/** `[   12.345678] message`: seconds since the kernel started, which is no time of day. */
function readUptime(line: string, start: number, header: Header): boolean {
  if (line.charCodeAt(start) !== 91) return false;
  const found = /^\[ *\d+\.\d{6}\] ?/.exec(line.slice(start, start + 40));
  if (!found) return false;
  header.messageStart = start + found[0].length;
  return true;
}
