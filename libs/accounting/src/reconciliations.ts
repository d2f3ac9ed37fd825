import { createHash, type Hash } from 'node:crypto';
import { AppError, type Reconciliation, type ReconciliationList } from '@tollgate/contracts';
import { Database, Prisma } from '@tollgate/database';
import { readDailyUsage, type DailyUsage } from '@tollgate/metering';
import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { sumProviderExport } from './provider-export.js';

const BYTES_MAX = 16 * 1024 * 1024;
const DAYS_MAX = 400;
const DAY_MS = 86_400_000;

const included = {
  days: { orderBy: [{ day: 'asc' }, { model: 'asc' }] },
} as const satisfies Prisma.ProviderExportInclude;
type Row = Prisma.ProviderExportGetPayload<{ include: typeof included }>;
type RowDay = Row['days'][number];

/** What a provider says that we have used, beside what the ledger says. */
@Injectable()
export class Reconciliations {
  constructor(private readonly database: Database) {}

  /**
   * Reads an export as it arrives, 16 MiB at most. The same file of the same provider is imported once. Raises `invalid_request`
   * with row and column, `payload_too_large`.
   *
   * @param whenNew runs in the transaction of a new import
   */
  async import(
    file: { provider: string; name?: string | undefined; chunks: AsyncIterable<Uint8Array> },
    whenNew: (transaction: Prisma.TransactionClient, id: string) => Promise<void>,
  ): Promise<Reconciliation> {
    const { provider, name: fileName } = file;
    const hash = createHash('sha256');
    const size = { bytes: 0 };
    const { rows, days } = await sumProviderExport(decoded(file.chunks, hash, size));
    const fileHash = Uint8Array.from(hash.digest());
    const sorted = days.map(({ day }) => day).sort((one, other) => one.localeCompare(other));
    const [first, last] = [sorted.at(0), sorted.at(-1)];
    if (first === undefined || last === undefined) throw new AppError('invalid_request', 'The file has no rows.');
    if (Date.parse(last) - Date.parse(first) > DAYS_MAX * DAY_MS) {
      throw new AppError('invalid_request', `The file must not span more than ${DAYS_MAX} days.`, { param: 'day' });
    }
    const id = uuidv7();
    const data = {
      id,
      provider,
      fileHash,
      fileName,
      bytes: size.bytes,
      rows,
      firstDay: new Date(first),
      lastDay: new Date(last),
    };
    await this.database.$transaction(async (transaction) => {
      const { count } = await transaction.providerExport.createMany({ data: [data], skipDuplicates: true });
      if (count === 0) return;
      const ofDays = days.map(({ day, ...sums }) => ({ exportId: id, day: new Date(day), ...sums }));
      await transaction.providerExportDay.createMany({ data: ofDays });
      await whenNew(transaction, id);
    });
    const where = { provider, fileHash };
    return this.compare(await this.database.providerExport.findFirstOrThrow({ where, include: included }));
  }

  /** Raises `not_found`. */
  async get(id: string): Promise<Reconciliation> {
    const row = await this.database.providerExport.findFirst({ where: { id }, include: included });
    if (!row) throw new AppError('not_found', 'There is no such import.');
    return this.compare(row);
  }

  /** The newest first. */
  async list({ limit, after }: { limit: number; after?: string | undefined }): Promise<ReconciliationList> {
    const rows = await this.database.providerExport.findMany({
      where: { id: after === undefined ? undefined : { lt: after } },
      orderBy: { id: 'desc' },
      take: limit + 1,
      include: included,
    });
    const data: Reconciliation[] = [];
    for (const row of rows.slice(0, limit)) data.push(await this.compare(row));
    return { object: 'list', data, has_more: rows.length > limit, last_id: data.at(-1)?.id ?? null };
  }

  /** Tokens by which the latest import of each provider differs from the ledger, each difference without its sign. */
  async latestDrift(): Promise<Map<string, number>> {
    const latest = await this.database.providerExport.findMany({
      orderBy: [{ provider: 'asc' }, { id: 'desc' }],
      distinct: ['provider'],
      include: included,
    });
    const drifts = new Map<string, number>();
    for (const row of latest) drifts.set(row.provider, (await this.compare(row)).drift_tokens);
    return drifts;
  }

  private async compare(row: Row): Promise<Reconciliation> {
    const usage = await readDailyUsage(
      this.database,
      row.provider,
      row.firstDay,
      new Date(row.lastDay.getTime() + DAY_MS),
    );
    const days = driftOf(row.days, usage);
    return {
      id: row.id,
      object: 'reconciliation',
      provider: row.provider,
      file_name: row.fileName,
      file_hash: Buffer.from(row.fileHash).toString('hex'),
      bytes: row.bytes,
      rows: row.rows,
      first_day: dateOf(row.firstDay),
      last_day: dateOf(row.lastDay),
      imported_at: row.importedAt.toISOString(),
      drift_tokens: days.reduce((sum, { drift_tokens: drift }) => sum + Math.abs(drift), 0),
      days,
    };
  }
}

/** Every model and day that either side knows. `gpt-4o-2024-08-06` is `gpt-4o` where the ledger knows only that. */
function driftOf(exported: readonly RowDay[], usage: readonly DailyUsage[]): Reconciliation['days'] {
  const known = new Set(usage.map(({ model }) => model));
  const nameOf = (model: string) => (known.has(model) ? model : withoutDate(model, known));
  const keys = new Map<string, { day: string; model: string; theirs: RowDay[]; ours?: DailyUsage }>();
  const entry = (day: string, model: string) => {
    const key = `${day} ${model}`;
    const found = keys.get(key) ?? { day, model, theirs: [] };
    keys.set(key, found);
    return found;
  };
  for (const theirs of exported) entry(dateOf(theirs.day), nameOf(theirs.model)).theirs.push(theirs);
  for (const ours of usage) entry(dateOf(ours.day), ours.model).ours = ours;
  return [...keys.entries()]
    .sort(([one], [other]) => one.localeCompare(other))
    .map(([, { day, model, theirs, ours }]) => driftRow(day, model, theirs, ours));
}

function driftRow(
  day: string,
  model: string,
  theirs: RowDay[],
  ours: DailyUsage | undefined,
): Reconciliation['days'][number] {
  const sum = (name: 'requests' | 'tokensInput' | 'tokensCached' | 'tokensOutput' | 'costMicroUsd') =>
    theirs.some((row) => row[name] === null) ? null : theirs.reduce((total, row) => total + (row[name] ?? 0n), 0n);
  const number = (value: bigint | null) => (value === null ? null : Number(value));
  const [input, output] = [sum('tokensInput') ?? 0n, sum('tokensOutput') ?? 0n];
  const [ledgerInput, ledgerOutput] = [ours?.tokensInput ?? 0n, ours?.tokensOutput ?? 0n];
  const cost = sum('costMicroUsd');
  return {
    day,
    model,
    provider_input_tokens: number(input),
    ledger_input_tokens: Number(ledgerInput),
    provider_cached_tokens: number(sum('tokensCached')),
    ledger_cached_tokens: Number(ours?.tokensCached ?? 0n),
    provider_output_tokens: number(output),
    ledger_output_tokens: Number(ledgerOutput),
    provider_requests: number(sum('requests')),
    ledger_attempts: Number(ours?.attempts ?? 0n),
    provider_cost_micro_usd: cost === null ? null : String(cost),
    ledger_cost_micro_usd: String(ours?.costMicroUsd ?? 0n),
    drift_tokens: Number(input + output - ledgerInput - ledgerOutput),
  };
}

function withoutDate(model: string, known: ReadonlySet<string>): string {
  const short = model.replace(/-\d{4}-?\d{2}-?\d{2}$/, '');
  return known.has(short) ? short : model;
}

/** UTF-8, counted and hashed on the way. */
async function* decoded(
  chunks: AsyncIterable<Uint8Array>,
  hash: Hash,
  size: { bytes: number },
): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  for await (const chunk of chunks) {
    size.bytes += chunk.length;
    if (size.bytes > BYTES_MAX)
      throw new AppError('payload_too_large', `The file must not be larger than ${BYTES_MAX} bytes.`);
    hash.update(chunk);
    yield decoder.decode(chunk, { stream: true });
  }
}

function dateOf(date: Date): string {
  return date.toISOString().slice(0, 10);
}
