import type { LogTask } from '@tollgate/contracts';
import type { LogReport } from '@tollgate/logs';
import { recommendationsFor } from './recommendations.js';

const listedMax = 5;
const citedMax = 6;

/** One sentence on a whole log. */
export function headlineOf({
  lines,
  events,
  errorGroupCount,
  errorGroups,
  anomalies,
  templateCount,
}: LogReport): string {
  const [gravest] = errorGroups;
  const failures = gravest
    ? `${counted(errorGroupCount, 'error group')}, the gravest (${gravest.severity}) ${gravest.count} × "${gravest.title}"`
    : 'no errors';
  const size = `${counted(lines, 'line')}, ${counted(events, 'event')} of ${counted(templateCount, 'template')}`;
  return `${size}: ${failures}; ${anomalies.length === 1 ? '1 anomaly' : `${anomalies.length} anomalies`}.`;
}

/** What was found, in words of the core: an answer of its own when no model can write one. */
export function describeFindings(task: LogTask, report: LogReport): string {
  const sections = [headlineOf(report), ...sectionsOf[task].map((section) => sectionTexts[section](report))];
  return sections.filter((text) => text !== '').join('\n\n');
}

type Section = 'errors' | 'anomalies' | 'causes' | 'steps';

const sectionsOf: Record<LogTask, Section[]> = {
  analyze: ['errors', 'anomalies', 'steps'],
  query: ['errors', 'anomalies'],
  'detect-errors': ['errors', 'steps'],
  'root-cause': ['causes', 'errors', 'anomalies', 'steps'],
  'detect-anomalies': ['anomalies'],
  summarize: ['errors', 'anomalies'],
};

const sectionTexts: Record<Section, (report: LogReport) => string> = {
  errors: ({ errorGroups }) =>
    listed(
      'Errors',
      errorGroups.map(
        ({ severity, category, count, title, firstLine, lastLine }) =>
          `[${severity}, ${category}] ${count} × ${title} ${cite([firstLine, lastLine])}`,
      ),
    ),
  anomalies: ({ anomalies }) =>
    listed(
      'Anomalies',
      anomalies.map(
        ({ kind, confidence, summary, lines }) =>
          `${kind} (${confidence.toFixed(2)}): ${summary} ${cite(lines.slice(0, citedMax))}`,
      ),
    ),
  causes: ({ correlations, errorGroups }) =>
    correlations.length === 0 && errorGroups.length > 0
      ? 'No candidate for a cause: nothing came before the errors more often than at other times.'
      : listed(
          'Candidates for a cause (they came before the errors, which proves nothing yet)',
          correlations.map(
            ({ template, hits, episodes, lines }) =>
              `"${template}" before ${hits} of ${counted(episodes, 'episode')} ${cite(lines)}`,
          ),
        ),
  steps: (report) =>
    listed(
      'First steps',
      recommendationsFor(report).map(({ text, lines }) => `${text} ${cite(lines)}`),
    ),
};

function listed(title: string, items: readonly string[]): string {
  if (items.length === 0) return '';
  const more = items.length > listedMax ? [`- … and ${items.length - listedMax} more`] : [];
  return [`${title}:`, ...items.slice(0, listedMax).map((item) => `- ${item}`), ...more].join('\n');
}

/** Lines as every answer cites them: [L3, L17]. */
export function cite(lines: readonly number[]): string {
  return `[${[...new Set(lines)].map((line) => `L${line}`).join(', ')}]`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
