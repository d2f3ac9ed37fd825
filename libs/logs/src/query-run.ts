import { saysFailure } from './failure-signs.js';
import type { LogEvent } from './log-event.js';
import { logLevels } from './log-level.js';
import type { QueryField, QueryFilter, QueryPlan } from './query-plan.js';
import type { MinedTemplates } from './template-miner.js';
import { detached } from './text-hash.js';

/** Groups told apart; what comes later is counted in the totals and under `other`. */
const groupsMax = 100_000;
const linesMax = 5;
const minuteMs = 60_000;

export interface QueryGroup {
  key: string;
  count: number;
  firstLine: number;
  lastLine: number;
  firstMs: number | undefined;
  lastMs: number | undefined;
  /** Its first lines. */
  lines: number[];
}

export interface QueryAnswer {
  plan: QueryPlan;
  /** All lines and events of the log; every one was looked at. */
  lines: number;
  events: number;
  matched: QueryGroup;
  /** Events a minute, from the first that matched to the last, for the measure `rate`. */
  perMinute: number | undefined;
  /** Different groups; `groups` holds the first `limit` of them: the most frequent, or times in their order. */
  groupCount: number;
  groups: QueryGroup[];
}

/** Executes a plan over the events of a log, one after the other, exactly. */
export class QueryRun {
  private lines = 0;
  private events = 0;
  /** By shape (0 where templates do not matter) and key. */
  private readonly found = new Map<number, Map<string, QueryGroup>>();
  private groups = 0;
  private readonly isByTemplate: boolean;
  private readonly field: QueryField | undefined;
  private readonly variable: RegExp | undefined;

  constructor(private readonly plan: QueryPlan) {
    this.field = plan.measure === 'distinct' ? (plan.of ?? plan.groupBy ?? 'message') : plan.groupBy;
    this.isByTemplate = this.field === 'template' || plan.where.templateIds !== undefined;
    if (plan.measure === 'values' && plan.variable !== undefined) this.variable = patternFor(plan.variable);
  }

  /** `shape` is the miner's, for plans that ask for templates. */
  add(event: LogEvent, shape: number): void {
    this.events++;
    this.lines += event.lineCount;
    if (!matches(this.plan.where, event)) return;
    if (this.variable) {
      const value = this.variable.exec(event.text)?.[1];
      if (value !== undefined) this.count(shape, value, event);
    } else this.count(shape, this.field === undefined ? '' : keyOf(this.field, event), event);
  }

  answer(mined: MinedTemplates): QueryAnswer {
    const { plan, lines, events } = this;
    const groups = new Map<string, QueryGroup>();
    for (const [shape, own] of this.found) {
      const template = this.isByTemplate ? mined.templateOf(shape) : undefined;
      if (plan.where.templateIds && !plan.where.templateIds.includes(template?.id ?? '')) continue;
      for (const group of own.values()) {
        const key = this.field === 'template' ? (template?.text ?? '') : group.key;
        groups.set(key, joined(key, groups.get(key), group));
      }
    }
    const matched = [...groups.values()].reduce((sum, group) => joined('', sum, group), emptyGroup(''));
    const isTime = plan.groupBy === 'minute' || plan.groupBy === 'hour' || plan.groupBy === 'day';
    const sorted = [...groups.values()].toSorted((a, b) =>
      isTime ? (a.key < b.key ? -1 : 1) : b.count - a.count || a.firstLine - b.firstLine,
    );
    const isGrouped = this.field !== undefined || this.variable !== undefined;
    return {
      plan,
      lines,
      events,
      matched,
      perMinute: plan.measure === 'rate' ? perMinute(matched) : undefined,
      groupCount: isGrouped ? groups.size : 0,
      groups: isGrouped ? sorted.slice(0, plan.limit) : [],
    };
  }

  private count(shape: number, key: string, { line, timeMs }: LogEvent): void {
    const outer = this.isByTemplate ? shape : 0;
    let own = this.found.get(outer);
    if (!own) this.found.set(outer, (own = new Map<string, QueryGroup>()));
    let group = own.get(key);
    if (!group) {
      const name = this.groups < groupsMax ? detached(key) : 'other';
      group = own.get(name) ?? emptyGroup(name);
      own.set(name, group);
      this.groups++;
    }
    group.count++;
    if (line < group.firstLine) group.firstLine = line;
    if (line > group.lastLine) group.lastLine = line;
    if (group.lines.length < linesMax) group.lines.push(line);
    if (timeMs === undefined) return;
    if (group.firstMs === undefined || timeMs < group.firstMs) group.firstMs = timeMs;
    if (group.lastMs === undefined || timeMs > group.lastMs) group.lastMs = timeMs;
  }
}

function matches(where: QueryFilter, event: LogEvent): boolean {
  const { line, timeMs, level, component, host } = event;
  if (where.fromLine !== undefined && line < where.fromLine) return false;
  if (where.toLine !== undefined && line > where.toLine) return false;
  if (where.levels && (level === undefined || !where.levels.includes(level))) return false;
  if (where.failures === true && !isFailure(event)) return false;
  if (where.components && !isOneOf(component, where.components)) return false;
  if (where.hosts && !isOneOf(host, where.hosts)) return false;
  if (!isWithin(where, timeMs)) return false;
  if (!where.text && !where.withoutText) return true;
  const text = [event.text, ...event.continuation].join('\n').toLowerCase();
  if (where.text?.some((wanted) => !text.includes(wanted.toLowerCase()))) return false;
  return !where.withoutText?.some((unwanted) => text.includes(unwanted.toLowerCase()));
}

function isWithin({ fromMs, toMs, fromMinute, toMinute }: QueryFilter, timeMs: number | undefined): boolean {
  if (fromMs === undefined && toMs === undefined && fromMinute === undefined && toMinute === undefined) return true;
  if (timeMs === undefined) return false;
  if (timeMs < (fromMs ?? -Infinity) || timeMs >= (toMs ?? Infinity)) return false;
  const minute = Math.floor(timeMs / minuteMs) % 1_440;
  const [from, to] = [fromMinute ?? 0, toMinute ?? 1_440];
  // From 23:00 to 1:00 goes over midnight.
  return from <= to ? minute >= from && minute < to : minute >= from || minute < to;
}

function isFailure({ level, message }: LogEvent): boolean {
  return level === undefined ? saysFailure(message) : logLevels.indexOf(level) >= logLevels.indexOf('error');
}

function isOneOf(name: string | undefined, wanted: readonly string[]): boolean {
  const lower = name?.toLowerCase();
  return (
    lower !== undefined && wanted.some((one) => lower === one.toLowerCase() || lower.endsWith(`.${one.toLowerCase()}`))
  );
}

const timeLengths = { minute: 16, hour: 13, day: 10 };

function keyOf(field: QueryField, { level, component, host, message, timeMs }: LogEvent): string {
  switch (field) {
    case 'level':
      return level ?? 'none';
    case 'component':
      return component ?? 'none';
    case 'host':
      return host ?? 'none';
    case 'message':
      return message;
    case 'template':
      return '';
    case 'minute':
    case 'hour':
    case 'day':
      return timeMs === undefined
        ? 'none'
        : new Date(timeMs).toISOString().slice(0, timeLengths[field]).replace('T', ' ');
  }
}

/** `user=bob`, `user: bob`, `"user":"bob"`, `user bob`. */
function patternFor(variable: string): RegExp {
  const name = variable.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(?<![\\w-])${name}["']?\\s{0,3}[=: ]\\s{0,3}["']?([^\\s"',;)\\]}]{1,200})`, 'i');
}

function emptyGroup(key: string): QueryGroup {
  return { key, count: 0, firstLine: Infinity, lastLine: 0, firstMs: undefined, lastMs: undefined, lines: [] };
}

function joined(key: string, known: QueryGroup | undefined, more: QueryGroup): QueryGroup {
  if (!known) return { ...more, key };
  return {
    key,
    count: known.count + more.count,
    firstLine: Math.min(known.firstLine, more.firstLine),
    lastLine: Math.max(known.lastLine, more.lastLine),
    firstMs: least(known.firstMs, more.firstMs),
    lastMs: greatest(known.lastMs, more.lastMs),
    lines: [...known.lines, ...more.lines].toSorted((a, b) => a - b).slice(0, linesMax),
  };
}

function least(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : Math.min(a, b ?? a);
}

function greatest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : Math.max(a, b ?? a);
}

function perMinute({ count, firstMs, lastMs }: QueryGroup): number | undefined {
  if (firstMs === undefined || lastMs === undefined) return undefined;
  return (count * minuteMs) / Math.max(lastMs - firstMs, minuteMs);
}
