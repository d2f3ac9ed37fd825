import { Database } from '@tollgate/database';
import { Injectable } from '@nestjs/common';

/** How far the counters are from the rows that they count: the sum of the differences, each without its sign. 0 is right. */
export interface DriftReport {
  /** Tokens of months: what windows say is spent, against the ledger's rows. */
  tokensSpent: number;
  /** What windows say is held, against the holds that stand. */
  tokensHeld: number;
  /** Calls of days, spent and held, against the requests that counted. */
  calls: number;
  /** Tokens of the rollups by day and by hour, against the ledger's rows. */
  rollupTokens: number;
  /** Micro-USD of charges in the rollups by day, against the ledger's rows. */
  rollupCharge: number;
  /** Tokens of the totals of all accounts, as far as they reach, against the rollups. */
  totalTokens: number;
}

/** Requests that counted are kept for 40 days; older days cannot be checked any more. */
const CALLS_CHECKED_DAYS = 35;

/** Compares every counter with its rows. Reads the whole ledger, so it is for the night. */
@Injectable()
export class Drift {
  constructor(private readonly database: Database) {}

  /** One statement, and so one moment, for all of it. */
  async measure(): Promise<DriftReport> {
    const [row] = await this.database.$queryRaw<Record<keyof DriftReport, bigint>[]>`
      WITH counted AS (
        SELECT account_id, month_start AS starts_on, sum(tokens_input + tokens_output)::bigint AS spent
        FROM usage_attempt WHERE is_counted GROUP BY 1, 2
      ),
      holding AS (
        SELECT account_id, month_start AS starts_on, sum(tokens)::bigint AS held FROM hold GROUP BY 1, 2
      ),
      months AS (
        SELECT sum(abs(coalesce(w.spent, 0) - coalesce(counted.spent, 0)))::bigint AS spent,
          sum(abs(coalesce(w.held, 0) - coalesce(holding.held, 0)))::bigint AS held
        FROM (SELECT * FROM usage_window WHERE kind = 'tokens_month') AS w
        FULL JOIN counted USING (account_id, starts_on) FULL JOIN holding USING (account_id, starts_on)
      ),
      calls AS (
        SELECT account_id, day AS starts_on, count(*) FILTER (WHERE is_spent) AS spent, count(*) FILTER (WHERE NOT is_spent) AS held
        FROM counted_call GROUP BY 1, 2
      ),
      days AS (
        SELECT sum(abs(coalesce(w.spent, 0) - coalesce(calls.spent, 0)) + abs(coalesce(w.held, 0) - coalesce(calls.held, 0)))::bigint AS calls
        FROM (SELECT * FROM usage_window WHERE kind = 'calls_day') AS w FULL JOIN calls USING (account_id, starts_on)
        WHERE starts_on >= (clock_timestamp() AT TIME ZONE 'UTC')::date - ${CALLS_CHECKED_DAYS}::int
      ),
      facts AS (
        SELECT grain, account_id, date_trunc(grain::text, started_at, 'UTC') AS starts_at, sum(tokens_input + tokens_output)::bigint AS tokens,
          sum(charge_micro_usd)::bigint AS charge
        FROM usage_attempt CROSS JOIN unnest(enum_range(NULL::rollup_grain)) AS grain GROUP BY 1, 2, 3
      ),
      sums AS (
        SELECT grain, account_id, starts_at, sum(tokens_input + tokens_output)::bigint AS tokens, sum(charge_micro_usd)::bigint AS charge
        FROM usage_rollup GROUP BY 1, 2, 3
      ),
      rollups AS (
        SELECT sum(abs(coalesce(sums.tokens, 0) - coalesce(facts.tokens, 0)))::bigint AS tokens,
          sum(abs(coalesce(sums.charge, 0) - coalesce(facts.charge, 0)))::bigint AS charge
        FROM sums FULL JOIN facts USING (grain, account_id, starts_at)
      ),
      reach AS (
        SELECT grain, date_trunc(grain::text, until, 'UTC') AS border FROM usage_totals_state CROSS JOIN unnest(enum_range(NULL::rollup_grain)) AS grain
      ),
      totals AS (
        SELECT sum(abs(coalesce(total.tokens, 0) - coalesce(all_accounts.tokens, 0)))::bigint AS tokens
        FROM (
          SELECT grain, starts_at, sum(tokens_input + tokens_output) AS tokens FROM usage_total JOIN reach USING (grain) WHERE starts_at < border GROUP BY 1, 2
        ) AS total
        FULL JOIN (
          SELECT grain, starts_at, sum(tokens) AS tokens FROM sums JOIN reach USING (grain) WHERE starts_at < border GROUP BY 1, 2
        ) AS all_accounts USING (grain, starts_at)
      )
      SELECT coalesce(months.spent, 0) AS "tokensSpent", coalesce(months.held, 0) AS "tokensHeld", coalesce(days.calls, 0) AS calls,
        coalesce(rollups.tokens, 0) AS "rollupTokens", coalesce(rollups.charge, 0) AS "rollupCharge",
        coalesce(totals.tokens, 0) AS "totalTokens"
      FROM months, days, rollups, totals`;
    if (!row) throw new Error('the check for drift returned nothing');
    return {
      tokensSpent: Number(row.tokensSpent),
      tokensHeld: Number(row.tokensHeld),
      calls: Number(row.calls),
      rollupTokens: Number(row.rollupTokens),
      rollupCharge: Number(row.rollupCharge),
      totalTokens: Number(row.totalTokens),
    };
  }
}
