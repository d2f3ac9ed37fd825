import type { Anomaly } from './anomaly.js';
import type { Correlation } from './correlations.js';
import type { LogReport, ReportedErrorGroup, ReportedTemplate } from './report.js';
import { formatLength } from './silences.js';
import { sparkline } from './sparkline.js';

export interface EvidenceOptions {
  /** Tokens that the text may have at most. */
  tokensMax: number;
  /** How many tokens a text has for the model that will read it. */
  countTokens: (text: string) => number;
  /** Applied to every piece before it is counted, such as `Redactor.redact`. Nothing is changed unless told. */
  redact?: (text: string) => string;
}

export interface EvidencePack {
  text: string;
  tokens: number;
  /** Lines of the log that the pieces stand for, and of the log; see `coverage`. */
  coveredLines: number;
  lines: number;
  /** Every line number that the text names: what an answer may cite. */
  citable: number[];
  included: Record<Section, number>;
  available: Record<Section, number>;
}

type Section = 'errorGroups' | 'anomalies' | 'correlations' | 'templates';

interface Piece {
  section: Section;
  text: string;
  worth: number;
  lines: number[];
  /** Templates whose events it stands for. */
  templateIds: readonly string[];
}

const headings: Record<Section, string> = {
  errorGroups: '## Error groups',
  anomalies: '## Anomalies',
  correlations: '## What came before errors',
  templates: '## Most frequent and most telling templates',
};
const sections: readonly Section[] = ['errorGroups', 'anomalies', 'correlations', 'templates'];
const sampleCharactersMax = 300;
/** What a piece of a section is worth before it is known how telling it is; a further piece of the same kind is worth less. */
const baseWorth: Record<Section, number> = { errorGroups: 10, anomalies: 9, correlations: 7, templates: 4 };
const fading = 0.9;

/**
 * The most telling findings of a report as text for a model, within a budget of tokens. Deterministic: the same report and
 * budget give the same text. States how much of the log it stands for, and cites lines as `L123`.
 */
export function buildEvidence(
  report: LogReport,
  { tokensMax, countTokens, redact = (text) => text }: EvidenceOptions,
): EvidencePack {
  const pieces = piecesOf(report).map((piece) => ({ ...piece, text: redact(piece.text) }));
  const included: Piece[] = [];
  const reserve =
    countTokens(redact(summaryOf(report, report.lines))) + countTokens(Object.values(headings).join('\n')) + 16;
  let tokens = reserve;
  for (const piece of pieces) {
    const cost = countTokens(piece.text) + 1;
    if (tokens + cost > tokensMax) continue;
    tokens += cost;
    included.push(piece);
  }
  // Tokens of pieces do not add up exactly to those of their sum: what is too much goes, the least telling first.
  for (;;) {
    const coveredLines = coverageOf(report, included);
    const text = textOf(redact(summaryOf(report, coveredLines)), included);
    const counted = countTokens(text);
    if (counted <= tokensMax || included.length === 0) {
      const citable = [...new Set(included.flatMap(({ lines }) => lines))].toSorted((a, b) => a - b);
      const counts = { included: countSections(included), available: countSections(pieces) };
      return { text, tokens: counted, coveredLines, lines: report.lines, citable, ...counts };
    }
    included.pop();
  }
}

function piecesOf(report: LogReport): Piece[] {
  const lists = [
    report.errorGroups.map((group) => errorPiece(group, report)),
    report.anomalies.map((anomaly) => anomalyPiece(anomaly)),
    report.correlations.map((correlation) => correlationPiece(correlation, report)),
    report.templates
      .toSorted((a, b) => tellingOf(b, report) - tellingOf(a, report))
      .map((template) => templatePiece(template, report)),
  ];
  const ranked = lists.flatMap((list) =>
    list.map((piece, rank) => ({ ...piece, worth: piece.worth * fading ** rank })),
  );
  return ranked.toSorted((a, b) => b.worth - a.worth || sections.indexOf(a.section) - sections.indexOf(b.section));
}

function errorPiece(group: ReportedErrorGroup, report: LogReport): Piece {
  const {
    title,
    count,
    firstLine,
    lastLine,
    severity,
    severityReason,
    category,
    trend,
    exceptions,
    variables,
    sample,
  } = group;
  const parts = [
    `- [${severity}; ${category}; ${severityReason}] ${count}× ${title}`,
    `first L${firstLine}, last L${lastLine}, ${trend.direction} ${sparkline(trend.counts)}`,
    ...variables.slice(0, 2).map(({ name, distinct, values }) => `${name}: ${distinct} values, ${listed(values)}`),
    ...(exceptions?.at(-1)?.frames.length ? [`at ${exceptions.at(-1)?.frames.slice(0, 3).join(' < ')}`] : []),
    ...(sample ? [`e.g. L${sample.line}: ${sample.text.slice(0, sampleCharactersMax)}`] : []),
  ];
  const weight = { critical: 1, high: 0.9, medium: 0.7, low: 0.4 }[severity];
  const worth = baseWorth.errorGroups * weight * (1 + Math.log10(count) / 10);
  const lines = [firstLine, lastLine, ...(sample ? [sample.line] : [])].filter((line) => line <= report.lines);
  return { section: 'errorGroups', text: parts.join('\n  '), worth, lines, templateIds: group.templateIds };
}

function anomalyPiece({ kind, confidence, summary, template, templateId, lines }: Anomaly): Piece {
  const cited = lines
    .slice(0, 6)
    .map((line) => `L${line}`)
    .join(', ');
  const text = `- ${kind} (confidence ${confidence.toFixed(2)}): ${summary}${template === undefined ? '' : `\n  of: ${template}`}\n  ${cited}`;
  const templateIds = templateId === undefined ? [] : [templateId];
  return { section: 'anomalies', text, worth: baseWorth.anomalies * confidence, lines: lines.slice(0, 6), templateIds };
}

function correlationPiece(
  { fingerprint, template, templateId, hits, episodes, lift, lead, lines }: Correlation,
  report: LogReport,
): Piece {
  const title = report.errorGroups.find((group) => group.fingerprint === fingerprint)?.title ?? fingerprint;
  const cited = lines.map((line) => `L${line}`).join(', ');
  const text = `- "${template}" came ${formatLength(lead, report.span !== undefined)} before ${hits} of ${episodes} episodes of "${title}" (${lift.toFixed(1)} times as often as otherwise)\n  ${cited}`;
  return { section: 'correlations', text, worth: baseWorth.correlations, lines, templateIds: [templateId] };
}

function templatePiece(
  { id, text, count, firstLine, lastLine, level, trend, sample }: ReportedTemplate,
  report: LogReport,
): Piece {
  const share = ((100 * count) / Math.max(report.events, 1)).toFixed(1);
  const example = sample ? `\n  e.g. L${sample.line}: ${sample.text.slice(0, sampleCharactersMax)}` : '';
  return {
    section: 'templates',
    text: `- ${count}× (${share} %) ${level ?? ''} ${text}\n  L${firstLine} to L${lastLine}, ${trend.direction} ${sparkline(trend.counts)}${example}`,
    worth: baseWorth.templates,
    lines: [firstLine, lastLine, ...(sample ? [sample.line] : [])],
    templateIds: [id],
  };
}

/** Frequent templates show what the log is about, severe ones what is wrong with it. */
function tellingOf({ count, level }: ReportedTemplate, { events }: LogReport): number {
  const severity = level === 'critical' ? 0.3 : level === 'error' ? 0.25 : level === 'warn' ? 0.15 : 0;
  return count / Math.max(events, 1) + severity;
}

function listed(values: readonly { value: string; count: number }[]): string {
  return values
    .slice(0, 3)
    .map(({ value, count }) => `${value} (${count})`)
    .join(', ');
}

/** Lines of the templates that the pieces stand for; a template's share of the lines is that of its events. */
function coverageOf({ templates, events, lines }: LogReport, included: readonly Piece[]): number {
  const ids = new Set(included.flatMap(({ templateIds }) => templateIds));
  const covered = templates.reduce((sum, { id, count }) => sum + (ids.has(id) ? count : 0), 0);
  return events === 0 ? 0 : Math.round((covered / events) * lines);
}

function summaryOf(
  { lines, events, span, levels, templateCount, errorGroupCount, anomalies, trend }: LogReport,
  covered: number,
): string {
  const time = span ? `, ${new Date(span.fromMs).toISOString()} to ${new Date(span.toMs).toISOString()}` : '';
  const counts = Object.entries(levels).map(([level, count]) => `${level} ${count}`);
  return [
    `# Log: ${lines} lines, ${events} events${time}`,
    `All lines were read. What follows stands for ${covered} of ${lines} lines.`,
    `Levels: ${counts.join(', ') || 'none'}. ${templateCount} templates, ${errorGroupCount} error groups, ${anomalies.length} anomalies.`,
    `Events over time: ${sparkline(trend.counts)}`,
  ].join('\n');
}

function textOf(summary: string, included: readonly Piece[]): string {
  const parts = sections.flatMap((section) => {
    const own = included.filter((piece) => piece.section === section);
    return own.length === 0 ? [] : [headings[section], ...own.map(({ text }) => text)];
  });
  return [summary, ...parts].join('\n');
}

function countSections(pieces: readonly Piece[]): Record<Section, number> {
  const counts = { errorGroups: 0, anomalies: 0, correlations: 0, templates: 0 };
  for (const { section } of pieces) counts[section]++;
  return counts;
}
