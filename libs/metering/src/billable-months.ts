import { Prisma } from '@tollgate/database';
import { segmentsOf, type PlanSegment } from './plan-segments.js';

export interface BillableSegment extends PlanSegment {
  /** That count, of attempts that started in the segment. */
  tokens: bigint;
  /** What they cost by the price list, before refunds. */
  listChargeMicroUsd: bigint;
}

/** All that an account's month is billed from, as the ledger has it now. */
export interface BillableMonth {
  /** The first day (UTC) and the day after the last. */
  monthStart: Date;
  monthEnd: Date;
  segments: BillableSegment[];
  /** Refunds of its attempts that stand; not negative. */
  refundMicroUsd: bigint;
}

interface MonthRow {
  month_start: Date;
  month_end: Date;
  tokens: bigint;
  charge: bigint;
  refunds: bigint;
}

/** A refund stands until its attempt is stated anew. */
const standingRefund = Prisma.sql`entries.entry = 'adjustment' AND NOT EXISTS (
  SELECT FROM usage_attempt AS later WHERE later.call_id = entries.call_id AND later.attempt_number = entries.attempt_number
    AND later.entry = 'reversal' AND later.entry_number > entries.entry_number)`;

/** An attempt may end this much after its month. */
const ENDS_AFTER_HOURS = 48;

/**
 * The months of an account from the one that begins at `from` to the one before `until`. A month with one plan is read from its counters,
 * whatever the size of the ledger; one in which the plan changed from the account's rows of that month.
 *
 * @param transaction that holds the account's lock, if nothing may change meanwhile
 */
export async function readBillableMonths(
  transaction: Prisma.TransactionClient,
  accountId: string,
  from: Date,
  until: Date,
): Promise<BillableMonth[]> {
  const subscriptions = await transaction.subscription.findMany({ where: { accountId } });
  const anchorDay = subscriptions[0]?.anchorDay;
  if (anchorDay === undefined) throw new Error(`there is no account ${accountId}`);
  const codes = subscriptions.map(({ planCode }) => planCode);
  const plans = await transaction.plan.findMany({ where: { code: { in: codes } } });
  const rows = await transaction.$queryRaw<MonthRow[]>`
    WITH RECURSIVE months AS (
      SELECT ${from}::date AS month_start, usage_month_end(${anchorDay}::int, ${from}::date) AS month_end
      UNION ALL
      SELECT month_end, usage_month_end(${anchorDay}::int, month_end) FROM months WHERE month_end < ${until}::date
    )
    SELECT month_start, month_end, coalesce(used.spent, 0) AS tokens, coalesce(rolled.charge, 0)::bigint AS charge,
      coalesce(refunded.sum, 0)::bigint AS refunds
    FROM months
    LEFT JOIN usage_window AS used
      ON used.account_id = ${accountId}::uuid AND used.kind = 'tokens_month' AND used.starts_on = months.month_start
    CROSS JOIN LATERAL (
      SELECT sum(charge_micro_usd) AS charge FROM usage_rollup WHERE grain = 'day' AND account_id = ${accountId}::uuid
        AND starts_at >= month_start::timestamp AT TIME ZONE 'UTC' AND starts_at < month_end::timestamp AT TIME ZONE 'UTC'
    ) AS rolled
    CROSS JOIN LATERAL (
      SELECT -sum(charge_micro_usd) AS sum FROM usage_attempt AS entries
      WHERE account_id = ${accountId}::uuid AND entries.month_start = months.month_start AND ${standingRefund}
    ) AS refunded
    ORDER BY month_start`;
  const months: BillableMonth[] = [];
  for (const { month_start: monthStart, month_end: monthEnd, tokens, charge, refunds } of rows) {
    const segments = segmentsOf({ startsAt: monthStart, endsAt: monthEnd }, subscriptions, plans);
    const [only] = segments;
    const used =
      segments.length === 1 && only
        ? [{ ...only, tokens, listChargeMicroUsd: charge + refunds }]
        : await readSegments(transaction, accountId, monthStart, monthEnd, segments);
    months.push({ monthStart, monthEnd, segments: used, refundMicroUsd: refunds });
  }
  return months;
}

async function readSegments(
  transaction: Prisma.TransactionClient,
  accountId: string,
  monthStart: Date,
  monthEnd: Date,
  segments: readonly PlanSegment[],
): Promise<BillableSegment[]> {
  const boundaries = segments.slice(1).map(({ startsAt }) => startsAt.toISOString());
  const rows = await transaction.$queryRaw<{ segment: number; tokens: bigint; charge: bigint }[]>`
    SELECT width_bucket(started_at, ${boundaries}::timestamptz[]) AS segment,
      sum((tokens_input + tokens_output) * is_counted::int)::bigint AS tokens,
      (sum(charge_micro_usd) - coalesce(sum(charge_micro_usd) FILTER (WHERE ${standingRefund}), 0))::bigint AS charge
    FROM usage_attempt AS entries
    WHERE account_id = ${accountId}::uuid AND month_start = ${monthStart}::date AND finished_at >= ${monthStart}
      AND finished_at < ${monthEnd}::timestamptz + ${ENDS_AFTER_HOURS} * interval '1 hour'
    GROUP BY 1`;
  const bySegment = new Map(rows.map((row) => [row.segment, row]));
  return segments.map((segment, index) => {
    const { tokens = 0n, charge = 0n } = bySegment.get(index) ?? {};
    return { ...segment, tokens, listChargeMicroUsd: charge };
  });
}
