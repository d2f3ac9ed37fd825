import { Database, Prisma } from '@tollgate/database';
import { Injectable } from '@nestjs/common';

export const usageDimensions = ['user', 'account', 'tier', 'model', 'provider', 'task'] as const;
export type UsageDimension = (typeof usageDimensions)[number];

export const bucketSeconds = { '1m': 60, '1h': 3_600, '1d': 86_400 };
export type BucketWidth = keyof typeof bucketSeconds;

export interface UsageReportQuery {
  /** Absent for all accounts. */
  accountId?: string;
  userId?: string;
  /** Whole buckets (UTC), the end excluded. */
  start: Date;
  end: Date;
  width: BucketWidth;
  groupBy: readonly UsageDimension[];
}

/** Sums of one bucket and group, corrections included: any of them may be negative. Money in micro-USD. */
export interface UsageSums {
  startsAt: Date;
  group: Partial<Record<UsageDimension, string>>;
  attempts: bigint;
  failedAttempts: bigint;
  cacheHits: bigint;
  inputTokens: bigint;
  cachedTokens: bigint;
  outputTokens: bigint;
  reasoningTokens: bigint;
  countedTokens: bigint;
  providerCostMicroUsd: bigint;
  chargeMicroUsd: bigint;
}

type Row = Omit<UsageSums, 'group'> & Partial<Record<UsageDimension, string>>;

const columnOf: Record<UsageDimension, string> = {
  user: 'user_id',
  account: 'account_id',
  tier: 'tier',
  model: 'model',
  provider: 'provider',
  task: 'task',
};

/** The longest that an attempt may run, and that its call may wait before it. */
const ATTEMPT_LONGEST_MS = 3_600_000;
const CALL_WAITS_LONGEST_MS = 3_600_000;

/**
 * What was used, by time and group. Days and hours come from the rollups, which the ledger keeps in the transaction of every row,
 * and those of all accounts together from totals, as far as these reach; minutes come from the ledger itself.
 */
@Injectable()
export class UsageReport {
  constructor(private readonly database: Database) {}

  /** In the order of time; buckets and groups without any use are left out. */
  async sums(query: UsageReportQuery): Promise<UsageSums[]> {
    const dimensions = query.groupBy.map((dimension) => Prisma.raw(`${columnOf[dimension]}::text AS "${dimension}"`));
    const positions = query.groupBy.map((_, index) => Prisma.raw(String(index + 2)));
    const rows = await this.database.$queryRaw<Row[]>`
      SELECT ${Prisma.join([Prisma.sql`starts_at AS "startsAt"`, ...dimensions])},
        sum(attempts)::bigint AS attempts, sum(failed_attempts)::bigint AS "failedAttempts",
        sum(cache_hits)::bigint AS "cacheHits",
        sum(tokens_input)::bigint AS "inputTokens", sum(tokens_cached)::bigint AS "cachedTokens",
        sum(tokens_output)::bigint AS "outputTokens", sum(tokens_reasoning)::bigint AS "reasoningTokens",
        sum(tokens_counted)::bigint AS "countedTokens",
        sum(provider_cost_micro_usd)::bigint AS "providerCostMicroUsd", sum(charge_micro_usd)::bigint AS "chargeMicroUsd"
      FROM ${await this.source(query)} AS used
      GROUP BY ${Prisma.join([Prisma.raw('1'), ...positions])}
      ORDER BY ${Prisma.join([Prisma.raw('1'), ...positions])}`;
    return rows.map(({ user, account, tier, model, provider, task, ...sums }) => ({
      ...sums,
      group: { user, account, tier, model, provider, task },
    }));
  }

  private async source(query: UsageReportQuery): Promise<Prisma.Sql> {
    if (query.width === '1m') return minutes(query);
    if (!isOfAll(query)) return rollups(query);
    const { until } = await this.database.usageTotalsState.findFirstOrThrow({ where: { id: 1 } });
    // What totals say of a bucket that they do not cover to its end is left out.
    const size = bucketSeconds[query.width] * 1_000;
    const border = new Date(Math.floor(until.getTime() / size) * size);
    return totalsUntil(border, query);
  }
}

/** Nobody in particular is asked for, and nobody is told apart. */
function isOfAll({ accountId, userId, groupBy }: UsageReportQuery): boolean {
  return accountId === undefined && userId === undefined && !groupBy.includes('account') && !groupBy.includes('user');
}

function totalsUntil(border: Date, query: UsageReportQuery): Prisma.Sql {
  const { start, end, width } = query;
  const columns = Prisma.raw(
    `starts_at, tier, provider, model, task, attempts, failed_attempts, cache_hits, tokens_input, tokens_cached, tokens_output,
     tokens_reasoning, tokens_counted, provider_cost_micro_usd, charge_micro_usd`,
  );
  const later = new Date(Math.max(start.getTime(), border.getTime()));
  return Prisma.sql`(
    SELECT ${columns} FROM usage_total
    WHERE grain = ${grainOf(width)}::rollup_grain AND starts_at >= ${start} AND starts_at < ${end} AND starts_at < ${border}
    UNION ALL
    SELECT ${columns} FROM ${rollups({ ...query, start: later })} AS recent)`;
}

function rollups({ accountId, userId, start, end, width }: UsageReportQuery): Prisma.Sql {
  return Prisma.sql`(
    SELECT * FROM usage_rollup
    WHERE grain = ${grainOf(width)}::rollup_grain AND starts_at >= ${start} AND starts_at < ${end}
      ${onlyOf(accountId, userId)})`;
}

function grainOf(width: BucketWidth): string {
  return width === '1d' ? 'day' : 'hour';
}

/**
 * Each entry with the sign that the rollups give it. One account is found by its index; all of them by the ids, which begin with
 * the time at which the call was made.
 */
function minutes({ accountId, userId, start, end }: UsageReportQuery): Prisma.Sql {
  const finishedBefore = new Date(end.getTime() + ATTEMPT_LONGEST_MS);
  return Prisma.sql`(
    SELECT date_trunc('minute', started_at, 'UTC') AS starts_at, account_id, user_id, tier, provider, model, task,
      sign AS attempts, sign * (outcome IN ('failed', 'lost'))::int AS failed_attempts,
      sign * is_cache_hit::int AS cache_hits, tokens_input, tokens_cached, tokens_output, tokens_reasoning,
      (tokens_input + tokens_output) * is_counted::int AS tokens_counted, provider_cost_micro_usd, charge_micro_usd
    FROM usage_attempt
    CROSS JOIN LATERAL (SELECT CASE entry WHEN 'reversal' THEN -1 WHEN 'adjustment' THEN 0 ELSE 1 END AS sign) AS signed
    WHERE started_at >= ${start} AND started_at < ${end}
      AND finished_at >= ${start} AND finished_at < ${finishedBefore}
      ${accountId === undefined ? madeBetween(start, end) : Prisma.empty}
      ${onlyOf(accountId, userId)})`;
}

function madeBetween(start: Date, end: Date): Prisma.Sql {
  return Prisma.sql`
    AND call_id >= ${firstUuidOf(start.getTime() - CALL_WAITS_LONGEST_MS)}::uuid AND call_id < ${firstUuidOf(end.getTime())}::uuid`;
}

function onlyOf(accountId: string | undefined, userId: string | undefined): Prisma.Sql {
  const account = accountId === undefined ? Prisma.empty : Prisma.sql`AND account_id = ${accountId}::uuid`;
  const user = userId === undefined ? Prisma.empty : Prisma.sql`AND user_id = ${userId}::uuid`;
  return Prisma.sql`${account} ${user}`;
}

/** The lowest UUIDv7 of a millisecond: its first 48 bits are the time. */
function firstUuidOf(epochMs: number): string {
  const hex = Math.max(0, epochMs).toString(16).padStart(12, '0').padEnd(32, '0');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
