import { DASH, LESS, SPACE } from './characters.js';
import type { Header } from './header.js';
import { skipSpaces } from './header-characters.js';
import { timeMsOf } from './civil-time.js';
import { scanTimestamp } from './timestamp.js';

const severities = ['critical', 'critical', 'critical', 'error', 'warn', 'notice', 'info', 'debug'] as const;
const severityNames = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'];

/**
 * Reads what a collector put around a line: the `service-1  | ` of Docker Compose, the `time stdout F ` of the Kubernetes
 * runtimes, the `<34>` of syslog and its RFC 5424 header. Returns the index where the program's own line begins.
 */
export function readEnvelope(line: string, header: Header, referenceMs: number): number {
  const first = line.charCodeAt(0);
  if (first === LESS) return readPriority(line, header, referenceMs);
  if (first >= 48 && first <= 57) return readContainerRuntime(line, header, referenceMs);
  return readCompose(line, header);
}

/** `api-1  | `: a word that ends with a number, spaces, and a bar with one space behind it. */
function readCompose(line: string, header: Header): number {
  const bar = line.indexOf('|');
  if (bar < 3 || bar > 64 || line.charCodeAt(bar - 1) !== SPACE || line.charCodeAt(bar + 1) !== SPACE) return 0;
  let end = bar;
  while (line.charCodeAt(end - 1) === SPACE) end -= 1;
  const name = line.slice(0, end);
  if (!/^[a-z0-9][a-z0-9_.-]*[_-]\d+$/.test(name)) return 0;
  header.component = name;
  return bar + 2;
}

function readContainerRuntime(line: string, header: Header, referenceMs: number): number {
  if (line.charCodeAt(10) !== 84) return 0;
  let stream = 19;
  while (stream < 40 && line.charCodeAt(stream) !== SPACE) stream += 1;
  const length = line.startsWith('stdout ', stream + 1) || line.startsWith('stderr ', stream + 1) ? 8 : 0;
  const flag = line.charCodeAt(stream + length);
  if (length === 0 || (flag !== 70 && flag !== 80) || line.charCodeAt(stream + length + 1) !== SPACE) return 0;
  const time = scanTimestamp(line, 0);
  if (time === undefined) return 0;
  header.timeMs = timeMsOf(time, referenceMs);
  header.isFound = true;
  return stream + length + 2;
}

/** The facility and severity of both syslogs, and all of the header of the newer one. */
function readPriority(line: string, header: Header, referenceMs: number): number {
  const found = /^<(\d{1,3})>(1 )?/.exec(line.slice(0, 8));
  if (!found || Number(found[1]) > 191) return 0;
  const severity = Number(found[1]) % 8;
  header.level = severities[severity];
  header.levelText = severityNames[severity];
  header.isFound = true;
  return found[2] === undefined ? found[0].length : readRfc5424(line, found[0].length, header, referenceMs);
}

/** TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA MSG, each a dash when it is missing (RFC 5424, section 6). */
function readRfc5424(line: string, start: number, header: Header, referenceMs: number): number {
  const time = scanTimestamp(line, start);
  if (time !== undefined) header.timeMs = timeMsOf(time, referenceMs);
  let at = start;
  const fields: (string | undefined)[] = [];
  for (let index = 0; index < 5; index += 1) {
    const end = line.indexOf(' ', at);
    if (end < 0) return at;
    const field = line.slice(at, end);
    fields.push(field === '-' ? undefined : field);
    at = end + 1;
  }
  [, header.host, header.process, header.pid, header.component] = fields;
  at = skipStructuredData(line, at);
  header.messageStart = at;
  return line.charCodeAt(at) === 0xfeff ? at + 1 : at;
}

function skipStructuredData(line: string, start: number): number {
  if (line.charCodeAt(start) === DASH) return skipSpaces(line, start + 1);
  let at = start;
  let isQuoted = false;
  for (; at < line.length; at += 1) {
    const code = line.charCodeAt(at);
    if (code === 92 && isQuoted) at += 1;
    else if (code === 34) isQuoted = !isQuoted;
    else if (code === SPACE && !isQuoted && line.charCodeAt(at - 1) === 93) break;
    else if (at === start && code !== 91) break;
  }
  return skipSpaces(line, at);
}
