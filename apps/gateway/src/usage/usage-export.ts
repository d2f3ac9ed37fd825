import type { UsageBucket } from '@tollgate/contracts';

const columns = [
  'user',
  'account',
  'tier',
  'model',
  'provider',
  'task',
  'attempts',
  'failed_attempts',
  'cache_hits',
  'input_tokens',
  'cached_tokens',
  'output_tokens',
  'reasoning_tokens',
  'counted_tokens',
  'charge_micro_usd',
] as const;

export const exportTypes = { csv: 'text/csv; charset=utf-8', ndjson: 'application/x-ndjson; charset=utf-8' };

/** A line for each result, in stretches of buckets; RFC 4180 with a header, or one JSON object a line. */
export async function* exportLines(
  stretches: AsyncIterable<UsageBucket[]>,
  format: keyof typeof exportTypes,
  isAdmin: boolean,
): AsyncGenerator<string, void> {
  const names = [...columns, ...(isAdmin ? (['provider_cost_micro_usd'] as const) : [])];
  if (format === 'csv') yield `${['start_time', 'end_time', ...names].join(',')}\r\n`;
  for await (const buckets of stretches) {
    const lines = buckets.flatMap(({ start_time, end_time, results }) =>
      results.map((result) =>
        format === 'csv'
          ? `${[start_time, end_time, ...names.map((name) => result[name] ?? '')].map(csvField).join(',')}\r\n`
          : `${JSON.stringify({ start_time, end_time, ...result })}\n`,
      ),
    );
    if (lines.length > 0) yield lines.join('');
  }
}

/** A spreadsheet takes a text that begins with one of these for a formula; a quote before it keeps it a text. */
export function csvField(value: string | number): string {
  if (typeof value === 'number') return String(value);
  const isNumber = /^-?\d+$/.test(value);
  const safe = !isNumber && /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
