export type LogLevel = 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR' | 'CRITICAL';

export interface LogEntry {
  at: Date;
  level: LogLevel;
  requestId: string;
  userId: string;
  event: string;
  fields: Record<string, string | number>;
}

/**
 * A line as the text-processing service has always written it, in UTC:
 * `2024-01-15 10:30:00 | INFO     | <request> | <user> | LLM_REQUEST | model=gemma3:4b | task=summary`
 */
export function formatLine({ at, level, requestId, userId, event, fields }: LogEntry): string {
  const time = at.toISOString().slice(0, 19).replace('T', ' ');
  const pairs = Object.entries(fields).map(([name, value]) => `${name}=${inOneCell(value)}`);
  return `${[time, level.padEnd(8), requestId, userId, event, ...pairs].join(' | ')}\n`;
}

/** No value can end its line or its cell: a log must not be forged by what a client sent. */
function inOneCell(value: string | number): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what this is about
  return String(value).replace(/[\u0000-\u001f\u007f\u2028\u2029|]/g, ' ');
}
