import type { LogTask } from '@tollgate/contracts';
import type { Anomaly, Correlation, LogReport, ReportedErrorGroup, ReportedTemplate } from '@tollgate/logs';
import { headlineOf } from './describe-findings.js';
import { recommendationsFor } from './recommendations.js';

const listedMax = 50;
const highlightsMax = 10;

type Findings = Record<string, unknown>;

/** What the core found, as `structured_data` of a task. No model has a part in it. */
export function findingsFor(task: LogTask, report: LogReport): Findings {
  return { summary: headlineOf(report), ...figuresOf(report), ...sectionsOf[task](report) };
}

const sectionsOf: Record<LogTask, (report: LogReport) => Findings> = {
  analyze: overview,
  query: overview,
  'detect-errors': (report) => ({
    error_count: errorCountOf(report),
    group_count: report.errorGroupCount,
    categories: sumBy(report.errorGroups, ({ category }) => category),
    severities: sumBy(report.errorGroups, ({ severity }) => severity),
    errors: report.errorGroups.slice(0, listedMax).map(errorOf),
    recommendations: recommendationsFor(report),
  }),
  'root-cause': (report) => ({
    candidates: report.correlations.slice(0, listedMax).map((correlation) => candidateOf(correlation, report)),
    errors: report.errorGroups.slice(0, highlightsMax).map(errorOf),
    anomalies: report.anomalies.slice(0, highlightsMax).map(anomalyOf),
    recommendations: recommendationsFor(report),
  }),
  'detect-anomalies': (report) => ({
    anomaly_count: report.anomalies.length,
    anomalies: report.anomalies.slice(0, listedMax).map(anomalyOf),
  }),
  summarize: (report) => ({
    highlights: [
      ...report.errorGroups.slice(0, highlightsMax).map(issueOf),
      ...report.anomalies.slice(0, highlightsMax).map(issueOfAnomaly),
    ],
    components: report.components,
    hosts: report.hosts,
    templates: report.templates.slice(0, highlightsMax).map(templateOf),
  }),
};

function overview(report: LogReport): Findings {
  return {
    issues: [...report.errorGroups.map(issueOf), ...report.anomalies.map(issueOfAnomaly)].slice(0, listedMax),
    recommendations: recommendationsFor(report),
    anomalies: report.anomalies.slice(0, listedMax).map(anomalyOf),
    templates: report.templates.slice(0, listedMax).map(templateOf),
    components: report.components,
  };
}

function figuresOf(report: LogReport): Findings {
  return {
    key_metrics: {
      lines: report.lines,
      events: report.events,
      levels: report.levels,
      templates: report.templateCount,
      error_groups: report.errorGroupCount,
      anomalies: report.anomalies.length,
      from: isoOf(report.span?.fromMs),
      to: isoOf(report.span?.toMs),
    },
  };
}

/** Of all groups that the report lists. */
export function errorCountOf({ errorGroups }: LogReport): number {
  return errorGroups.reduce((sum, { count }) => sum + count, 0);
}

/** As the document has it: type, severity and message of an issue, with the lines that show it. */
function issueOf({ level, severity, title, count, category, firstLine, lastLine }: ReportedErrorGroup): Findings {
  const type = level === 'warn' ? 'warning' : 'error';
  return { type, severity, message: title, count, category, lines: linesOf(firstLine, lastLine) };
}

function issueOfAnomaly({ kind, confidence, summary, lines }: Anomaly): Findings {
  const severity = confidence >= 0.9 ? 'medium' : 'low';
  return { type: 'info', severity, message: summary, category: kind, confidence, lines };
}

function errorOf(group: ReportedErrorGroup): Findings {
  const { fingerprint, title, count, category, severity, severityReason, firstLine, lastLine, trend } = group;
  return {
    fingerprint,
    message: title,
    count,
    category,
    severity,
    severity_reason: severityReason,
    lines: linesOf(firstLine, lastLine),
    first_seen: isoOf(group.fromMs),
    last_seen: isoOf(group.toMs),
    trend: trend.direction,
    exceptions: group.exceptions?.map(({ type, message, frames }) => ({ type, message, frames: frames.slice(0, 5) })),
    variables: group.variables,
    sample: group.sample,
  };
}

function anomalyOf({
  kind,
  confidence,
  summary,
  template,
  lines,
  observed,
  expected,
  fromMs,
  toMs,
}: Anomaly): Findings {
  return { kind, confidence, summary, template, lines, observed, expected, from: isoOf(fromMs), to: isoOf(toMs) };
}

function candidateOf(
  { fingerprint, template, hits, episodes, lift, lead, lines }: Correlation,
  { errorGroups, span }: LogReport,
): Findings {
  const error = errorGroups.find((group) => group.fingerprint === fingerprint)?.title;
  return { error, fingerprint, template, hits, episodes, lift, lead, lead_unit: span ? 'ms' : 'lines', lines };
}

function templateOf({ id, text, count, level, firstLine, lastLine, trend }: ReportedTemplate): Findings {
  return { id, text, count, level, lines: linesOf(firstLine, lastLine), trend: trend.direction };
}

function sumBy(groups: readonly ReportedErrorGroup[], keyOf: (group: ReportedErrorGroup) => string) {
  const sums: Record<string, number> = {};
  for (const group of groups) sums[keyOf(group)] = (sums[keyOf(group)] ?? 0) + group.count;
  return sums;
}

function linesOf(first: number, last: number): number[] {
  return first === last ? [first] : [first, last];
}

function isoOf(timeMs: number | undefined): string | null {
  return timeMs === undefined ? null : new Date(timeMs).toISOString();
}
