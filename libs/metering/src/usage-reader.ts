import { Database } from '@tollgate/database';
import { Injectable } from '@nestjs/common';

export interface AccountUsage {
  month: { inputTokens: number; outputTokens: number; totalTokens: number; resetsAt: Date };
  day: { calls: number; resetsAt: Date };
}

/** What an account has used, straight from the ledger. Failed attempts do not count. */
@Injectable()
export class UsageReader {
  constructor(private readonly database: Database) {}

  /** Of the calendar month and day (UTC) of `now`. A call is a client request, however many attempts it took. */
  async forAccount(accountId: string, now = new Date()): Promise<AccountUsage> {
    const monthStart = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth()));
    const monthEnd = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1));
    const dayStart = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()));
    const dayEnd = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + 1));
    const rows = await this.database.$queryRaw<{ input: bigint; output: bigint; calls: bigint }[]>`
      SELECT coalesce(sum(tokens_input), 0)::bigint AS input,
             coalesce(sum(tokens_output), 0)::bigint AS output,
             count(DISTINCT request_id) FILTER (WHERE finished_at >= ${dayStart} AND finished_at < ${dayEnd}) AS calls
      FROM usage_attempt
      WHERE account_id = ${accountId}::uuid AND outcome <> 'failed'
        AND finished_at >= ${monthStart} AND finished_at < ${monthEnd}`;
    const { input, output, calls } = rows[0] ?? { input: 0n, output: 0n, calls: 0n };
    return {
      month: {
        inputTokens: Number(input),
        outputTokens: Number(output),
        totalTokens: Number(input + output),
        resetsAt: monthEnd,
      },
      day: { calls: Number(calls), resetsAt: dayEnd },
    };
  }
}
