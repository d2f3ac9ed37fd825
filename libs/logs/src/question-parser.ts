import type { LogLevel } from './log-level.js';
import { QueryPlan, type QueryField, type QueryFilter } from './query-plan.js';

/** What is known of the log that a question is about. */
export interface QuestionContext {
  components?: readonly string[];
  hosts?: readonly string[];
  /** Of the log; "the last hour" is its last hour, and a time of day without a date is meant on every day. */
  span?: { fromMs: number; toMs: number } | undefined;
}

const minuteMs = 60_000;
const units: Record<string, number> = { second: 1_000, minute: minuteMs, hour: 60 * minuteMs, day: 1_440 * minuteMs };
const moment = String.raw`(\d{4}-\d{2}-\d{2}(?:[t ]\d{1,2}:\d{2}(?::\d{2})?(?:z|[+-]\d{2}:\d{2})?)?|\d{1,2}:\d{2}(?::\d{2})?)`;

const levelWords: readonly [RegExp, LogLevel[]][] = [
  [/\bwarn(?:ing)?s?\b/g, ['warn']],
  [/\b(?:criticals?|fatals?|fatal errors|critical errors)\b/g, ['critical']],
  [/\binfos?\b|\binformational\b/g, ['info']],
  [/\bdebugs?\b/g, ['debug']],
  [/\bnotices\b/g, ['notice']],
];

const fieldWords: readonly [RegExp, QueryField][] = [
  [/components?|services?|modules?|loggers?|sources?/, 'component'],
  [/hosts?|machines?|servers?|nodes?/, 'host'],
  [/levels?|severit(?:y|ies)/, 'level'],
  [/minutes?/, 'minute'],
  [/hours?/, 'hour'],
  [/days?|dates?/, 'day'],
  [/messages?|templates?|patterns?|kinds?|types?|events?|errors?|warnings?/, 'template'],
];

const emptyWords = new Set(
  `a about all an and any appear appeared appears are at been being by can come came contain containing contains could count did do does each entries entry
  event events ever every exist find first for from get give had happen happened happening happens has have how i in is it its last latest line lines
  list log logged logs many me mention mentioned mentioning mentions message messages most much number occur occurred occurrence occurrences occurs of often on
  once or please say saying see seen show tell that the there there's these this time times to top total was we were what when where which
  who with within common frequent rate per minute show earliest begin began start started different distinct unique one ones common frequently often
  found been recorded produced produces produce`.split(/\s+/),
);

/**
 * Turns a common question into a plan: how many, how often, when first or last, which are the most frequent, how many
 * different, filtered by level, component, host, time, lines and words, grouped by one of them. Undefined for what it does
 * not understand, such as a question for a reason.
 */
export function parseQuestion(question: string, context: QuestionContext = {}): QueryPlan | undefined {
  if (/\b(?:why|how come|explain|cause[sd]?|reason|should|recommend|fix)\b/i.test(question)) return undefined;
  const reader = new QuestionReader(question);
  const where: QueryFilter = {};
  const text = reader.takeQuoted();
  readLines(reader, where);
  readTimes(reader, where, context);
  const measure = readMeasure(reader);
  const group = readGroup(reader);
  readLevels(reader, where);
  readPlaces(reader, where, context);
  if (!measure && !group.groupBy && Object.keys(where).length === 0 && text.length === 0) return undefined;
  const left = [...text, ...reader.leftWords()];
  if (left.length > 0) where.text = left;
  return QueryPlan.parse({ where, measure: 'count', ...measure, ...group });
}

/** The question in lower case, from which what was understood is taken away. */
class QuestionReader {
  private rest: string;

  constructor(question: string) {
    this.rest = ` ${question
      .slice(0, 1_000)
      .trim()
      .replace(/[?!.]+$/, '')} `;
  }

  takeQuoted(): string[] {
    const found: string[] = [];
    this.rest = this.rest.replace(/"([^"]+)"|'([^']+)'|`([^`]+)`|“([^”]+)”/g, (_, ...parts: unknown[]) => {
      const text = parts.find((part) => typeof part === 'string');
      if (typeof text === 'string') found.push(text.trim());
      return ' ';
    });
    this.rest = this.rest.toLowerCase();
    return found;
  }

  take(pattern: RegExp): RegExpExecArray | undefined {
    const match = pattern.exec(this.rest);
    if (!match) return undefined;
    this.rest = `${this.rest.slice(0, match.index)} ${this.rest.slice(match.index + match[0].length)}`;
    return match;
  }

  /** What is still to be looked for: words that carry meaning, without a plural's s. */
  leftWords(): string[] {
    const words = this.rest.split(/[\s,;()]+/).filter((word) => word.length > 1 && !emptyWords.has(word));
    return words.map((word) => (/[a-z]{3}[^s]s$/.test(word) ? word.slice(0, -1) : word));
  }
}

function readLines(reader: QuestionReader, where: QueryFilter): void {
  const range = reader.take(/\b(?:between |from |in )?lines? (\d+) (?:to|and|until|-) (?:line )?(\d+)\b/);
  if (!range) return;
  where.fromLine = Number(range[1]);
  where.toLine = Number(range[2]);
}

function readTimes(reader: QuestionReader, where: QueryFilter, { span }: QuestionContext): void {
  const last = reader.take(/\b(?:in |within |during |over )?the (?:last|past) (\d+)? ?(second|minute|hour|day)s?\b/);
  if (last && span) where.fromMs = span.toMs - Number(last[1] ?? 1) * (units[last[2] ?? ''] ?? 0);
  const range = reader.take(new RegExp(`\\b(?:between|from) ${moment} (?:and|to|until|till) ${moment}`));
  if (range) {
    setFrom(where, range[1]);
    setTo(where, range[2]);
  }
  const from = reader.take(new RegExp(`\\b(?:after|since|from) ${moment}`));
  if (from) setFrom(where, from[1]);
  const to = reader.take(new RegExp(`\\b(?:before|until|till) ${moment}`));
  if (to) setTo(where, to[1]);
  const at = reader.take(new RegExp(`\\b(?:at|on|around) ${moment}`))?.[1];
  if (at === undefined) return;
  setFrom(where, at);
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(at);
  if (where.fromMs !== undefined) where.toMs = where.fromMs + (isDay ? 1_440 : 1) * minuteMs;
  if (where.fromMinute !== undefined) where.toMinute = where.fromMinute + 1;
}

function setFrom(where: QueryFilter, text: string | undefined): void {
  const time = readMoment(text);
  if (time?.minute !== undefined) where.fromMinute = time.minute;
  if (time?.ms !== undefined) where.fromMs = time.ms;
}

function setTo(where: QueryFilter, text: string | undefined): void {
  const time = readMoment(text);
  if (time?.minute !== undefined) where.toMinute = time.minute;
  if (time?.ms !== undefined) where.toMs = time.ms;
}

/** A time of day as a minute, a date or date and time as milliseconds; UTC unless it says otherwise. */
function readMoment(text = ''): { minute?: number; ms?: number } | undefined {
  const [, hour, minute] = /^(\d{1,2}):(\d{2})/.exec(text) ?? [];
  if (hour !== undefined)
    return Number(hour) < 25 ? { minute: Math.min(1_440, Number(hour) * 60 + Number(minute)) } : undefined;
  const hasZone = /(?:z|[+-]\d{2}:\d{2})$/.test(text) && text.length > 10;
  const iso = text.toUpperCase().replace(' ', 'T');
  const ms = Date.parse(text.length > 10 && !hasZone ? `${iso}Z` : iso);
  return Number.isNaN(ms) ? undefined : { ms };
}

function readMeasure(reader: QuestionReader): Partial<QueryPlan> | undefined {
  const distinct =
    reader.take(/\bhow many (?:different|distinct|unique) (\w+)/) ??
    reader.take(/\bnumber of (?:different|distinct|unique) (\w+)/);
  if (distinct) return { measure: 'distinct', of: fieldOf(distinct[1]) ?? 'template' };
  const values = reader.take(/\b(?:top|most (?:common|frequent)) ?(\d+)? values (?:of|for) (?:the )?([\w.-]+)/);
  if (values?.[2] !== undefined) return { measure: 'values', variable: values[2], limit: Number(values[1] ?? 10) };
  const top =
    reader.take(/\b(?:the )?(?:top|first) (\d+) (?:most (?:common|frequent) )?(\w+)/) ??
    reader.take(/\b(?:the )?(\d+)? ?most (?:common|frequent|active) (\w+)/);
  if (top) {
    const word = top[2] ?? '';
    const failures = /^errors?$/.test(word) ? { where: { failures: true } } : {};
    return { measure: 'count', groupBy: fieldOf(word) ?? 'template', limit: clamp(Number(top[1] ?? 10)), ...failures };
  }
  if (reader.take(/\bhow often\b|\b(?:what is the )?rate of\b|\bper minute\b/)) return { measure: 'rate' };
  if (
    / when /.test(reader.take(/ when (?=.*\b(?:last|latest)\b)/)?.[0] ?? '') ||
    reader.take(/\blast (?:time|occurrence|seen)\b/)
  )
    return { measure: 'last' };
  if (reader.take(/ when |\bfirst (?:time|occurrence|seen)\b/)) return { measure: 'first' };
  return reader.take(/\bhow many\b|\bnumber of\b|\bcount\b/) ? { measure: 'count' } : undefined;
}

function clamp(limit: number): number {
  return Math.min(1_000, Math.max(1, limit));
}

function readGroup(reader: QuestionReader): { groupBy?: QueryField } {
  const grouped =
    reader.take(/\b(?:grouped )?(?:by|per|for each|in each|for every) (?:the )?(\w+)/) ??
    reader.take(
      / (?:which|what) (components?|services?|hosts?|servers?|machines?|modules?|levels?|hours?|minutes?|days?)\b/,
    );
  const field = fieldOf(grouped?.[1]);
  return field ? { groupBy: field } : {};
}

function fieldOf(word = ''): QueryField | undefined {
  return fieldWords.find(([pattern]) => new RegExp(`^(?:${pattern.source})$`).test(word))?.[1];
}

function readLevels(reader: QuestionReader, where: QueryFilter): void {
  for (const [pattern, levels] of levelWords) {
    while (reader.take(new RegExp(pattern.source))) where.levels = [...new Set([...(where.levels ?? []), ...levels])];
  }
  if (!reader.take(/\b(?:errors?|failures?)(?= |$)/)) return;
  if (where.levels) where.levels = [...new Set<LogLevel>([...where.levels, 'error', 'critical'])];
  else where.failures = true;
}

function readPlaces(
  reader: QuestionReader,
  where: QueryFilter,
  { components = [], hosts = [] }: QuestionContext,
): void {
  const names = (known: readonly string[], noun: string): string[] => {
    const named = reader.take(new RegExp(`\\b(?:in|from|of|on|by|for)? ?(?:the )?${noun} ([\\w.$/-]+)`))?.[1];
    const found = known.filter((name) =>
      reader.take(new RegExp(`(?<=\\s)(?:in|from|of|on|by|for)? ?${escaped(name.toLowerCase())}(?=\\s|,)`)),
    );
    return named === undefined ? found : [named, ...found];
  };
  const inComponents = names(components, '(?:component|service|module|logger)');
  const onHosts = names(hosts, '(?:host|machine|server|node)');
  if (inComponents.length > 0) where.components = inComponents;
  if (onHosts.length > 0) where.hosts = onHosts;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
