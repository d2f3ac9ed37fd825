import { AppError } from '@tollgate/contracts';
import { readCsv } from './csv-reader.js';

/** Sums of one model on one day (UTC); null where the file has no such column. */
export interface ExportedDay {
  day: string;
  model: string;
  requests: bigint | null;
  tokensInput: bigint | null;
  tokensCached: bigint | null;
  tokensOutput: bigint | null;
  costMicroUsd: bigint | null;
}

type Column = 'day' | 'model' | 'requests' | 'input' | 'cached' | 'output' | 'cost' | 'currency';

/** What a column is called in the exports of OpenAI, and of those who do as it does; the first that is there counts. */
const columnNames: Record<Column, readonly string[]> = {
  day: ['date', 'day', 'usage_date', 'start_time_iso', 'start_time', 'bucket_start_time', 'timestamp', 'created_at'],
  model: ['model', 'model_name', 'model_id', 'snapshot_id'],
  requests: ['num_model_requests', 'num_requests', 'n_requests', 'requests', 'request_count'],
  input: ['input_tokens', 'prompt_tokens', 'n_context_tokens_total', 'context_tokens'],
  cached: ['input_cached_tokens', 'cached_input_tokens', 'cached_tokens', 'n_cached_context_tokens_total'],
  output: ['output_tokens', 'completion_tokens', 'n_generated_tokens_total', 'generated_tokens'],
  cost: ['cost_usd', 'cost', 'amount_value', 'amount', 'total_cost'],
  currency: ['amount_currency', 'currency'],
};

const GROUPS_MAX = 50_000;
const COUNT_MAX = 10n ** 15n;

/** Sums an export by day and model; memory grows with days times models only. Raises `invalid_request` with line and column. */
export async function sumProviderExport(chunks: AsyncIterable<string>): Promise<{ rows: number; days: ExportedDay[] }> {
  const groups = new Map<string, ExportedDay>();
  let header: RowReader | undefined;
  let rows = 0;
  for await (const record of readCsv(chunks)) {
    if (!header) {
      header = new RowReader(record);
      continue;
    }
    rows += 1;
    const row = header.read(record, rows + 1);
    const key = JSON.stringify([row.day, row.model]);
    const sum = groups.get(key);
    groups.set(key, sum ? added(sum, row) : row);
    if (groups.size > GROUPS_MAX) throw new AppError('invalid_request', 'The file has too many days and models.');
  }
  if (rows === 0) throw new AppError('invalid_request', 'The file has no rows.');
  return { rows, days: [...groups.values()] };
}

class RowReader {
  private readonly positions = new Map<Column, number>();

  constructor(header: readonly string[]) {
    const names = header.map((name) =>
      name
        .trim()
        .toLowerCase()
        .replaceAll(/[\s-]+/g, '_'),
    );
    for (const column of columns) {
      const name = columnNames[column].find((candidate) => names.includes(candidate));
      if (name !== undefined) this.positions.set(column, names.indexOf(name));
    }
    for (const column of ['day', 'model', 'input', 'output'] as const) {
      if (this.positions.has(column)) continue;
      const message = `The file has no column for ${column}: one of ${columnNames[column].join(', ')}.`;
      throw new AppError('invalid_request', message, { param: column });
    }
  }

  read(record: readonly string[], line: number): ExportedDay {
    const refused = (column: Column, what: string) =>
      new AppError('invalid_request', `row ${line}, ${column}: ${what}`, { param: column });
    const text = (column: Column) => record[this.positions.get(column) ?? -1]?.trim() ?? '';
    const count = (column: Column) => {
      if (!this.positions.has(column)) return null;
      const value = text(column).replace(/\.0+$/, '');
      if (value === '') return 0n;
      if (!/^\d{1,15}$/.test(value)) throw refused(column, 'must be a whole number');
      return BigInt(value);
    };
    const day = dayOf(text('day'));
    if (day === undefined) throw refused('day', 'must be a date, a time or Unix seconds');
    const model = text('model');
    if (model === '' || model.length > 200) throw refused('model', 'must be the name of a model');
    const currency = text('currency').toLowerCase();
    if (currency !== '' && currency !== 'usd') throw refused('currency', 'must be USD');
    const cost = this.positions.has('cost') ? microUsdOf(text('cost')) : null;
    if (cost === undefined) throw refused('cost', 'must be an amount in US dollars');
    const tokens = { tokensInput: count('input'), tokensCached: count('cached'), tokensOutput: count('output') };
    return { day, model, requests: count('requests'), ...tokens, costMicroUsd: cost };
  }
}

const columns: readonly Column[] = ['day', 'model', 'requests', 'input', 'cached', 'output', 'cost', 'currency'];

function added(sum: ExportedDay, row: ExportedDay): ExportedDay {
  const plus = (one: bigint | null, other: bigint | null) => {
    const total = one === null || other === null ? null : one + other;
    if (total !== null && total > COUNT_MAX) throw new AppError('invalid_request', 'A sum of the file is too large.');
    return total;
  };
  return {
    ...sum,
    requests: plus(sum.requests, row.requests),
    tokensInput: plus(sum.tokensInput, row.tokensInput),
    tokensCached: plus(sum.tokensCached, row.tokensCached),
    tokensOutput: plus(sum.tokensOutput, row.tokensOutput),
    costMicroUsd: plus(sum.costMicroUsd, row.costMicroUsd),
  };
}

/** Of `2026-11-03`, of a time with its zone (UTC without one), or of Unix seconds. */
function dayOf(text: string): string | undefined {
  if (/^\d{9,11}$/.test(text)) return new Date(Number(text) * 1_000).toISOString().slice(0, 10);
  if (!/^\d{4}-\d{2}-\d{2}/.test(text)) return undefined;
  const isWithoutZone = text.length > 10 && !/(z|[+-]\d{2}:?\d{2})$/i.test(text);
  const date = new Date(isWithoutZone ? `${text.replace(' ', 'T')}Z` : text);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString().slice(0, 10);
}

/** Exact to a micro-USD; what is smaller is rounded, half up. */
function microUsdOf(text: string): bigint | undefined {
  if (text === '') return 0n;
  const parts = /^\$?(\d{1,9})(?:\.(\d{1,20}))?$/.exec(text);
  if (!parts) return undefined;
  const [, whole = '0', fraction = ''] = parts;
  const microUsd = BigInt(whole) * 1_000_000n + BigInt(fraction.slice(0, 6).padEnd(6, '0'));
  return Number(fraction[6] ?? '0') >= 5 ? microUsd + 1n : microUsd;
}
