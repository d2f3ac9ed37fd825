import type { FailureCategory, Severity } from './failure-signs.js';
import { readFailureSigns, severities } from './failure-signs.js';
import type { SeenTrace } from './error-traces.js';
import { type LogLevel, logLevels } from './log-level.js';
import type { ObservedTemplate, Observations } from './observations.js';
import type { Template } from './template.js';
import { type Trend, trendOf } from './trend.js';
import type { Occurrences } from './timeline.js';
import { windowsOf } from './windows.js';

/** Failures of one kind. */
export interface ErrorGroup {
  /** The same in every run and log: of the exception's types and top frames, else of the template. */
  fingerprint: string;
  title: string;
  /** The template, or with a stack trace those of the messages above it, most frequent first. */
  templateIds: string[];
  /** What was thrown, outermost first; the last caused the others. Undefined without a stack trace. */
  exceptions: { type: string; message: string; frames: string[] }[] | undefined;
  count: number;
  firstLine: number;
  lastLine: number;
  fromMs: number | undefined;
  toMs: number | undefined;
  level: LogLevel | undefined;
  category: FailureCategory;
  severity: Severity;
  severityReason: string;
  trend: Trend;
  /** What varied most within it, with the most frequent values. */
  variables: { name: string; distinct: number; values: { value: string; count: number }[] }[];
}

const variablesMax = 4;
const valuesMax = 5;

/** Groups of failures, the gravest first, then the most frequent. */
export function groupErrors(
  observations: Observations,
  traces: readonly (Omit<SeenTrace, 'shapes'> & {
    templates: ReadonlyMap<number, number>;
    occurrences: Readonly<Occurrences>;
  })[],
): ErrorGroup[] {
  const inTraces = new Map<number, number>();
  for (const { templates } of traces) {
    for (const [index, count] of templates) inTraces.set(index, (inTraces.get(index) ?? 0) + count);
  }
  const groups = [
    ...traces.map((trace) => traceGroup(observations, trace)),
    ...observations.templates.flatMap((observed, index) => {
      // Its events with a trace stand in groups of their own.
      if (observed.template.count <= (inTraces.get(index) ?? 0)) return [];
      return templateGroup(observations, observed);
    }),
  ];
  return groups.toSorted(
    (a, b) =>
      severities.indexOf(b.severity) - severities.indexOf(a.severity) ||
      b.count - a.count ||
      a.firstLine - b.firstLine ||
      (a.fingerprint < b.fingerprint ? -1 : 1),
  );
}

function templateGroup(observations: Observations, { template, occurrences }: ObservedTemplate): ErrorGroup[] {
  const level = usualLevel(template);
  const signs = readFailureSigns(template.text, level);
  if (!signs.isFailure) return [];
  return [
    {
      fingerprint: template.id,
      title: template.text,
      templateIds: [template.id],
      exceptions: undefined,
      count: template.count,
      firstLine: template.firstLine,
      lastLine: template.lastLine,
      ...timesOf(observations, occurrences),
      level,
      category: signs.category,
      severity: signs.severity,
      severityReason: signs.reason,
      trend: trendOf(windowsOf(observations), occurrences),
      variables: variablesOf([template]),
    },
  ];
}

function traceGroup(
  observations: Observations,
  trace: Omit<SeenTrace, 'shapes'> & { templates: ReadonlyMap<number, number>; occurrences: Readonly<Occurrences> },
): ErrorGroup {
  const sorted = [...trace.templates].toSorted(([a, m], [b, n]) => n - m || a - b);
  const templates = sorted.flatMap(([index]) => observations.templates[index]?.template ?? []);
  const root = trace.chain.at(-1);
  const level = templates.map(usualLevel).find((found) => found !== undefined) ?? 'error';
  // "IllegalState" is the name of a program's own fault, not of a caller's.
  const typeWords = (root?.type ?? '')
    .replace(/Illegal|Invalid|Unknown|Missing/g, '')
    .replace(/([a-z])([A-Z])/g, '$1 $2');
  const signs = readFailureSigns(`${typeWords} error: ${root?.message ?? ''}`, level);
  return {
    fingerprint: trace.fingerprint,
    title: [...trace.chain.map(({ type }) => type), root?.frames[0]].filter((part) => part !== undefined).join(' < '),
    templateIds: templates.map(({ id }) => id),
    exceptions: trace.chain,
    count: trace.count,
    firstLine: trace.firstLine,
    lastLine: trace.lastLine,
    ...timesOf(observations, trace.occurrences),
    level,
    category: signs.category,
    severity: signs.severity,
    severityReason: `${signs.reason}, with a stack trace`,
    trend: trendOf(windowsOf(observations), trace.occurrences),
    variables: variablesOf(templates.slice(0, 1)),
  };
}

/** The level of most of its events; of equally many the graver one. */
export function usualLevel({ levels }: Pick<Template, 'levels'>): LogLevel | undefined {
  let usual: LogLevel | undefined;
  for (const level of logLevels)
    if ((levels[level] ?? 0) > 0 && (levels[level] ?? 0) >= (levels[usual ?? level] ?? 0)) usual = level;
  return usual;
}

function timesOf({ axis, bucketWidth }: Observations, { buckets }: Readonly<Occurrences>) {
  const [first, last] = [buckets[0], buckets.at(-1)];
  if (axis !== 'time' || first === undefined || last === undefined) return { fromMs: undefined, toMs: undefined };
  return { fromMs: first * bucketWidth, toMs: (last + 1) * bucketWidth };
}

function variablesOf(templates: readonly Template[]): ErrorGroup['variables'] {
  const parameters = templates.flatMap((template) => template.parameters);
  return parameters
    .filter(({ distinct }) => distinct > 1)
    .slice(0, variablesMax)
    .map(({ name, kind, distinct, values }) => ({
      name: name ?? kind,
      distinct,
      values: values.slice(0, valuesMax).map(({ value, count }) => ({ value, count })),
    }));
}
