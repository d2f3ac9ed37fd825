import type { AttemptOutcome, PriceVersion, UsageSource } from '@tollgate/database';
import { chargePrices, costPrices, priceOf, type TokenCounts } from './cost.js';

export const HOLD_LEASE_MS = Symbol('milliseconds after which a hold that is not refreshed has lapsed');

/** What an attempt asks for before its provider is called. */
export interface HoldRequest {
  /** Of the completion, a UUIDv7; with `attemptNumber` (from 1) it is unique. */
  callId: string;
  attemptNumber: number;
  /** Of the client's request, which may need several completions; it counts as one call of the day. */
  requestId: string;
  accountId: string;
  userId: string;
  task: string;
  price: PriceVersion;
  /** Of the prompt; counted so that the provider will hardly count more. */
  tokensInput: number;
  tokensOutputMax: number;
  /**
   * Whether the provider may be called as soon as this is taken (the default), which is what a crash leaves on record. False
   * when there is a wait in between: then `markDispatched` before the call.
   */
  isDispatched?: boolean;
  /** Whose windows it counts in; for tests and imports. Default: Postgres' now. */
  at?: Date;
}

/** An admitted attempt. Whoever took it ends it: `Ledger.settle`, or `Holds.release` when nothing was sent. */
export interface Hold extends HoldRequest {
  /** The code of the plan that admitted it. */
  tier: string;
  /** First day (UTC, YYYY-MM-DD) of the month of tokens that it counts in, and its day of calls, whenever it ends. */
  monthStart: string;
  day: string;
  takenAt: Date;
}

/** How an attempt ended. */
export interface AttemptEnd {
  tokens: TokenCounts;
  usageSource: UsageSource;
  outcome: AttemptOutcome;
  errorCode?: string | undefined;
  finishedAt: Date;
}

/** The row of usage_attempt, in its column names, as JSON takes it. */
export function attemptRow(hold: Hold, { tokens, usageSource, outcome, errorCode, finishedAt }: AttemptEnd) {
  const isCounted = counts(outcome, tokens);
  return {
    call_id: hold.callId,
    attempt_number: hold.attemptNumber,
    entry_number: 0,
    entry: 'attempt',
    request_id: hold.requestId,
    account_id: hold.accountId,
    user_id: hold.userId,
    tier: hold.tier,
    task: hold.task,
    provider: hold.price.provider,
    model: hold.price.model,
    tokens_input: tokens.input,
    tokens_cached: tokens.cached,
    tokens_output: tokens.output,
    tokens_reasoning: tokens.reasoning ?? 0,
    usage_source: usageSource,
    outcome,
    is_cache_hit: false,
    is_counted: isCounted,
    error_code: errorCode ?? null,
    price_version_id: String(hold.price.id),
    provider_cost_micro_usd: String(priceOf(tokens, costPrices(hold.price))),
    charge_micro_usd: String(isCounted ? priceOf(tokens, chargePrices(hold.price)) : 0n),
    month_start: hold.monthStart,
    day: hold.day,
    started_at: hold.takenAt.toISOString(),
    finished_at: finishedAt.toISOString(),
  };
}

/**
 * Does the customer pay for it, and does it use up the month and the day? Not when the provider failed, and of a lost one only
 * what is known to have been generated.
 */
function counts(outcome: AttemptOutcome, { input, output }: TokenCounts): boolean {
  switch (outcome) {
    case 'completed':
    case 'cancelled':
      return input + output > 0;
    case 'lost':
      return output > 0;
    case 'failed':
      return false;
  }
}
