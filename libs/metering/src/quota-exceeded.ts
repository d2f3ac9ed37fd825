import { AppError } from '@tollgate/contracts';
import type { HoldRequest } from './hold.js';

interface Admitted {
  verdict: 'admitted';
  tier: string;
  month_start: string;
  day: string;
  taken_at: Date;
}

interface Refused {
  /** The window that is in the way. */
  verdict: 'tokens_month' | 'calls_day';
  tier: string;
  /** Whole numbers, as Postgres writes them. */
  used: string;
  held: string;
  cap: string;
  /** The first day (UTC, YYYY-MM-DD) of the next window. */
  resets_on: string;
}

/** What Postgres says to the request for a hold. */
export type Verdict = Admitted | Refused | { verdict: 'unknown_account' };

/** The 402, with the numbers that a client or its user needs to understand it. */
export function quotaExceeded(verdict: Exclude<Verdict, Admitted>, request: HoldRequest): AppError {
  if (verdict.verdict === 'unknown_account')
    return AppError.fromUnknown(new Error(`there is no account ${request.accountId}`));
  const { verdict: limitName, tier, used, held, cap, resets_on } = verdict;
  const asked = limitName === 'tokens_month' ? request.tokensInput + request.tokensOutputMax : 1;
  const what = limitName === 'tokens_month' ? 'tokens a month' : 'calls a day';
  const resetsAt = `${resets_on}T00:00:00.000Z`;
  return new AppError(
    'insufficient_quota',
    `The plan "${tier}" allows ${cap} ${what}: ${used} are used, ${held} are held by running requests, and this one needs up to ${asked}. The limit resets at ${resetsAt}.`,
    {
      details: {
        limit_name: limitName,
        limit: Number(cap),
        used: Number(used),
        held: Number(held),
        asked,
        resets_at: resetsAt,
      },
    },
  );
}
