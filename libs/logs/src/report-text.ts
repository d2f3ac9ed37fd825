import type { LogReport, ReportedErrorGroup } from './report.js';
import { formatLength } from './silences.js';
import { sparkline } from './sparkline.js';

const templatesShown = 12;
const groupsShown = 12;
const anomaliesShown = 12;

/** A report for a terminal. Line numbers are `L123`, times UTC. */
export function describeReport(report: LogReport): string {
  const { lines, events, span, trend, templateCount, errorGroupCount } = report;
  if (lines === 0) return 'The log is empty.\n';
  const levels = Object.entries(report.levels).map(([level, count]) => `${level} ${count}`);
  const places = report.components.slice(0, 6).map(({ name, count }) => `${name} ${count}`);
  return [
    `${lines} lines, ${events} events, ${templateCount} templates`,
    ...(span
      ? [`${timeText(span.fromMs)} to ${timeText(span.toMs)} (${formatLength(span.toMs - span.fromMs, true)})`]
      : ['no times']),
    `  ${sparkline(trend.counts)}`,
    ...(levels.length > 0 ? [`levels      ${levels.join(', ')}`] : []),
    ...(places.length > 0 ? [`components  ${places.join(', ')}`] : []),
    '',
    ...section(
      `Errors (${errorGroupCount} ${errorGroupCount === 1 ? 'group' : 'groups'})`,
      report.errorGroups.slice(0, groupsShown).flatMap(groupLines),
    ),
    ...section(`Anomalies (${report.anomalies.length})`, anomalyLines(report)),
    ...section('Before the errors', correlationLines(report)),
    ...section('Most frequent', templateLines(report)),
  ].join('\n');
}

function section(title: string, lines: readonly string[]): string[] {
  return [title, ...(lines.length > 0 ? lines : ['  none']), ''];
}

function groupLines({
  severity,
  category,
  count,
  title,
  firstLine,
  lastLine,
  trend,
  severityReason,
  exceptions,
}: ReportedErrorGroup): string[] {
  return [
    `  ${severity.padEnd(8)} ${String(count).padStart(7)}  ${sparkline(trend.counts)}  ${cut(title)}`,
    `           ${linesText(firstLine, lastLine)}; ${trend.direction}; ${category}; ${severity} because of ${severityReason}`,
    ...(exceptions
      ?.at(-1)
      ?.frames.slice(0, 3)
      .map((frame) => `             at ${cut(frame)}`) ?? []),
  ];
}

function anomalyLines({ anomalies }: LogReport): string[] {
  return anomalies.slice(0, anomaliesShown).flatMap(({ kind, confidence, summary, template, lines }) => [
    `  ${confidence.toFixed(2)}  ${kind.padEnd(15)}  ${summary}`,
    ...(template === undefined ? [] : [`        ${cut(template)}`]),
    `        ${lines
      .slice(0, 8)
      .map((line) => `L${line}`)
      .join(' ')}${lines.length > 8 ? ' …' : ''}`,
  ]);
}

function correlationLines({ correlations, errorGroups, span }: LogReport): string[] {
  return correlations
    .slice(0, 8)
    .flatMap(({ fingerprint, template, hits, episodes, lift, lead, lines }) => [
      `  ${cut(template)}`,
      `        ${formatLength(lead, span !== undefined)} before ${hits} of ${episodes}: ${cut(errorGroups.find((group) => group.fingerprint === fingerprint)?.title ?? '')}`,
      `        ${lift.toFixed(1)} times as often as otherwise; ${lines.map((line) => `L${line}`).join(' ')}`,
    ]);
}

function templateLines({ templates, templateCount }: LogReport): string[] {
  const shown = templates.slice(0, templatesShown);
  return [
    ...shown.map(
      ({ count, trend, level, text }) =>
        `  ${String(count).padStart(8)}  ${sparkline(trend.counts)}  ${(level ?? '').padEnd(8)} ${cut(text)}`,
    ),
    ...(templateCount > shown.length ? [`  … and ${templateCount - shown.length} more`] : []),
  ];
}

function linesText(first: number, last: number): string {
  return first === last ? `L${first}` : `L${first} to L${last}`;
}

function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 19).replace('T', ' ');
}

function cut(text: string): string {
  return text.length > 140 ? `${text.slice(0, 139)}…` : text;
}
