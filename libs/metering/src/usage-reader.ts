import { Database } from '@tollgate/database';
import { Injectable } from '@nestjs/common';

export interface AccountUsage {
  /** Of tokens, from the account's anchor day on. `heldTokens` are kept free for running requests. */
  month: { inputTokens: number; outputTokens: number; totalTokens: number; heldTokens: number; resetsAt: Date };
  /** In UTC. `heldCalls` are requests that run and have not counted yet. */
  day: { calls: number; heldCalls: number; resetsAt: Date };
}

interface Row {
  spent: bigint;
  spent_output: bigint;
  held: bigint;
  month_end: Date;
  calls: bigint;
  held_calls: bigint;
  day_end: Date;
}

/** What an account has used, as its windows have it: two rows, however much there is in the ledger. */
@Injectable()
export class UsageReader {
  constructor(private readonly database: Database) {}

  /** Of the month and day of `now`. A call is a client request, however many attempts it took; failed ones count nowhere. */
  async forAccount(accountId: string, now = new Date()): Promise<AccountUsage> {
    const [row] = await this.database.$queryRaw<Row[]>`
      SELECT coalesce(month.spent, 0) AS spent, coalesce(month.spent_output, 0) AS spent_output,
        coalesce(month.held, 0) AS held, usage_month_end(anchor_day, usage_month_start(anchor_day, today)) AS month_end,
        coalesce(day.spent, 0) AS calls, coalesce(day.held, 0) AS held_calls, today + 1 AS day_end
      FROM subscription
      CROSS JOIN (SELECT (${now}::timestamptz AT TIME ZONE 'UTC')::date AS today) AS calendar
      LEFT JOIN usage_window AS month ON month.account_id = subscription.account_id AND month.kind = 'tokens_month'
        AND month.starts_on = usage_month_start(anchor_day, today)
      LEFT JOIN usage_window AS day ON day.account_id = subscription.account_id AND day.kind = 'calls_day'
        AND day.starts_on = today
      WHERE subscription.account_id = ${accountId}::uuid AND subscription.ends_at IS NULL`;
    if (!row) throw new Error(`there is no account ${accountId}`);
    return {
      month: {
        inputTokens: Number(row.spent - row.spent_output),
        outputTokens: Number(row.spent_output),
        totalTokens: Number(row.spent),
        heldTokens: Number(row.held),
        resetsAt: row.month_end,
      },
      day: { calls: Number(row.calls), heldCalls: Number(row.held_calls), resetsAt: row.day_end },
    };
  }
}
