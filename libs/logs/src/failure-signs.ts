import { type LogLevel, logLevels } from './log-level.js';

export const failureCategories = [
  'crash',
  'hardware',
  'memory',
  'storage',
  'network',
  'timeout',
  'database',
  'security',
  'input',
  'dependency',
  'application',
] as const;

export type FailureCategory = (typeof failureCategories)[number];

export const severities = ['low', 'medium', 'high', 'critical'] as const;

export type Severity = (typeof severities)[number];

/** What a message says about something going wrong. */
export interface FailureSigns {
  /** Worth an error group: a level of error and above, or words that say so where there is no level. */
  isFailure: boolean;
  /** Worth waking somebody: a severe fault of the system itself, told by the message as such. */
  isAlert: boolean;
  category: FailureCategory;
  severity: Severity;
  /** Why it has this severity, in words. */
  reason: string;
}

const failureWord =
  /\b(?:error|errors|fail|failed|fails|failing|failure|failures|fatal|panic|panicked|abort|aborted|crash|crashed|exception|exceptions|severed|refused|unreachable|killed|terminated|corrupt|corrupted|corruption|deadlock|broken|dead|lost|denied|rejected|unable|cannot|timeout|segfault|segmentation|interrupt|assert|assertion|oom|overflow|exhausted|unavailable|unexpected|mismatch)\b|\b(?:could not|does not|did not|not found|can ?not|timed out|out of memory|reset by peer|no space|not responding)\b/i;

/** Said of a fault that is over, of the absence of one, or of a count of none. */
const recovered =
  /\b(?:corrected|recovered|recovering|resolved|restored|succeeded|retrying|suppress(?:ed|ing)?|ignored|no errors?|0 errors?|0 fail(?:ed|ures)|without errors?|attempting to correct)\b/i;

/** What the one who asked did wrong: a request, file, name or setting that cannot be served. The system itself works. */
const callersFault =
  /\b(?:no such (?:file|user|key|table|column|directory)|not found|does not exist|permission denied|access denied|invalid|illegal|missing|malformed|unrecognized|unknown|bad (?:file descriptor|request|argument)|exec format|too (?:big|large|long)|not permitted|unauthorized|forbidden|already exists|validation|no child processes|is a directory|not a directory|block device required|syntax error|authentication fail(?:ure|ed)|(?:invalid|failed|incorrect) password)\b/i;

/** One value after a label or leader dots, as in a dump of registers: a detail of a failure, not a failure. */
const detail = /^[\w .,/()'-]*(?:\.{3,}|[:=])\s*<\*>(?:[\s\w]*[:=]\s*<\*>)*[\s)]*$|\.{4,}|^\S+:\s*$/;

const categories: readonly [FailureCategory, RegExp][] = [
  [
    'crash',
    /\b(?:panic|panicked|segfault|segmentation fault|core dumped|crash(?:ed)?|kernel terminated|stopping execution|assert(?:ion)?|fatal signal)\b/i,
  ],
  [
    'memory',
    /\b(?:out of memory|oom|heap space|cannot allocate|memory (?:exhausted|leak|limit)|outofmemory\w*|gc overhead)\b/i,
  ],
  ['timeout', /\b(?:time[d ]?-?\s?out|deadline exceeded|not responding|timeout\w*|timeoutexception)\b/i],
  [
    'network',
    /\b(?:connection|connect|socket|network|unreachable|reset by peer|refused|dns|link|packet|host|tcp|udp|ssl|tls|handshake|broken pipe|econn\w*)\b/i,
  ],
  [
    'hardware',
    /\b(?:parity|tlb|ecc|ddr|cache error|machine check|node ?card|temperature|fan|voltage|hardware|bus error|pci|interrupt)\b/i,
  ],
  [
    'security',
    /\b(?:authentication|password|unauthorized|forbidden|permission|access denied|break-in|certificate|credential\w*|token|login)\b/i,
  ],
  [
    'storage',
    /\b(?:disk|storage|mount|filesystem|file system|i\/o|input\/output|read-only|no space|block|volume|nfs|inode|raid)\b/i,
  ],
  ['database', /\b(?:database|sql|query|deadlock|transaction|postgres\w*|mysql|mongo\w*|redis|constraint|relation)\b/i],
  ['input', callersFault],
  ['dependency', /\b(?:upstream|backend|service unavailable|gateway|http 5\d\d|status 5\d\d|503|502|504|api)\b/i],
];

/** Whether a message says that something went wrong and not that it is over. */
export function saysFailure(text: string): boolean {
  return failureWord.test(text) && !recovered.test(text);
}

/** Judges a template by its most frequent level and its words. `text` has `<*>` for values. */
export function readFailureSigns(text: string, level: LogLevel | undefined): FailureSigns {
  const rank = level === undefined ? -1 : logLevels.indexOf(level);
  const [isError, isCritical] = [rank >= logLevels.indexOf('error'), rank >= logLevels.indexOf('critical')];
  const word = failureWord.exec(text)?.[0];
  const isOver = recovered.test(text);
  const isCallers = callersFault.test(text);
  const isDetail = detail.test(text);
  const isFailure = isError || (word !== undefined && !isOver && (level === undefined || level === 'warn'));
  const isAlert =
    (isCritical || (level === undefined && word !== undefined)) &&
    word !== undefined &&
    !isOver &&
    !isCallers &&
    !isDetail;
  const category = categoryOf(text);
  const { severity, reason } = severityOf({ level, isError, isCritical, isOver, isCallers, isDetail, word, category });
  return { isFailure, isAlert, category, severity, reason };
}

function categoryOf(text: string): FailureCategory {
  return categories.find(([, words]) => words.test(text))?.[0] ?? 'application';
}

interface Evidence {
  level: LogLevel | undefined;
  isError: boolean;
  isCritical: boolean;
  isOver: boolean;
  isCallers: boolean;
  isDetail: boolean;
  word: string | undefined;
  category: FailureCategory;
}

function severityOf({ level, isError, isCritical, isOver, isCallers, isDetail, word, category }: Evidence): {
  severity: Severity;
  reason: string;
} {
  const said = level === undefined ? 'no level' : `level ${level}`;
  const spoken = word === undefined ? 'no word of failure' : `"${word.toLowerCase()}"`;
  if (isOver) return { severity: 'low', reason: `${said}, but it says that the fault is over` };
  if (isDetail)
    return { severity: isError ? 'medium' : 'low', reason: `${said}; a detail that goes with another message` };
  if (isCallers)
    return {
      severity: isError ? 'medium' : 'low',
      reason: `${said}; what was asked for cannot be served, the system works`,
    };
  if (isCritical && word !== undefined) return { severity: 'critical', reason: `${said} and ${spoken}` };
  const isGrave = category === 'crash' || category === 'memory' || category === 'hardware' || category === 'storage';
  if (isCritical || (isError && isGrave && word !== undefined))
    return { severity: 'high', reason: `${said}, ${spoken}, category ${category}` };
  if (isError) return { severity: 'medium', reason: `${said}, ${spoken}` };
  return {
    severity: word !== undefined && (isGrave || level === undefined) ? 'medium' : 'low',
    reason: `${said}, ${spoken}`,
  };
}
