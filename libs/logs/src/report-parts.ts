import { usualLevel } from './error-groups.js';
import { type LogLevel, logLevels } from './log-level.js';
import type { ObservedTemplate, Observations } from './observations.js';
import type { LogReport, ReportedParameter, ReportedTemplate, Sample } from './report.js';
import type { Parameter } from './template.js';
import { trendOf } from './trend.js';
import { windowsOf } from './windows.js';

const valuesMax = 10;

export function totalsByLevel({ templates }: Observations): LogReport['levels'] {
  const totals: Partial<Record<LogLevel, number>> = {};
  for (const level of logLevels) {
    const count = templates.reduce((sum, { template }) => sum + (template.levels[level] ?? 0), 0);
    if (count > 0) totals[level] = count;
  }
  return totals;
}

/** To the resolution of the timeline, without stray times. */
export function spanOf(observations: Observations): LogReport['span'] {
  if (observations.axis !== 'time') return undefined;
  const { firstBucket, count, buckets } = windowsOf(observations);
  const fromMs = firstBucket * observations.bucketWidth;
  return { fromMs, toMs: fromMs + count * buckets * observations.bucketWidth };
}

export function reportedTemplate(
  observations: Observations,
  { template, occurrences }: ObservedTemplate,
  sample: Sample | undefined,
): ReportedTemplate {
  const { id, text, count, firstLine, lastLine, parameters } = template;
  const trend = trendOf(windowsOf(observations), occurrences);
  const level = usualLevel(template);
  return { id, text, count, firstLine, lastLine, level, trend, parameters: parameters.map(reportedParameter), sample };
}

function reportedParameter({ name, kind, distinct, values, numbers }: Parameter): ReportedParameter {
  return {
    name,
    kind,
    distinct,
    values: values.slice(0, valuesMax).map(({ value, count }) => ({ value, count })),
    numbers: numbers && {
      min: numbers.min,
      median: numbers.quantile(0.5),
      high: numbers.quantile(0.99),
      max: numbers.max,
    },
  };
}
