import { AppError, type AnalysisRequest, type LogEntry } from '@tollgate/contracts';

type GivenLog = Pick<AnalysisRequest, 'log_entries' | 'log_text'>;

/** The log as text. Line N is entry N: line breaks within an entry are escaped. */
export function logTextOf({ log_entries: entries, log_text: text }: GivenLog): string {
  if (entries?.length) return entries.map(lineOf).join('\n');
  if (text) return text;
  throw new AppError('invalid_request', 'log_entries: a log is required', { param: 'log_entries' });
}

function lineOf({ timestamp, level, source, message, ...others }: LogEntry): string {
  const known = { timestamp: timestamp ?? undefined, level: level ?? undefined, source: source ?? undefined, message };
  return JSON.stringify({ ...known, ...others });
}
