export type LogLevel = 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR' | 'CRITICAL';

export interface LogOrigin {
  requestId: string;
  userId: string;
}

/** The documented line: `2024-01-15 10:30:00 | INFO     | <request> | <user> | LLM_REQUEST | model=gemma3:4b | task=summary`. */
export function logLine(
  level: LogLevel,
  { requestId, userId }: LogOrigin,
  event: string,
  fields: Record<string, string>,
  at = new Date(),
): string {
  const time = at.toISOString().slice(0, 19).replace('T', ' ');
  const pairs = Object.entries(fields).map(([name, value]) => `${name}=${inOneCell(value)}`);
  return [time, level.padEnd(8), inOneCell(requestId), inOneCell(userId), event, ...pairs].join(' | ');
}

/** How full the context of a model is, as the documented event of its level. */
export function contextLine(tokens: number, contextLength: number): { level: LogLevel; event: string; usage: string } {
  const percent = (100 * tokens) / contextLength;
  const usage = `${percent.toFixed(1)}%`;
  if (percent >= 100) return { level: 'CRITICAL', event: 'CONTEXT_EXCEEDED', usage };
  if (percent >= 95) return { level: 'ERROR', event: 'CONTEXT_NEAR_LIMIT', usage };
  if (percent >= 80) return { level: 'WARNING', event: 'CONTEXT_USAGE_HIGH', usage };
  return { level: 'DEBUG', event: 'CONTEXT_USAGE', usage };
}

function inOneCell(value: string): string {
  return value.replace(/[\p{Cc}\u2028\u2029|]/gu, ' ');
}
