import type { Database } from '@tollgate/database';

/** What the ledger says of one model of a provider on one day (UTC), whoever paid for it. */
export interface DailyUsage {
  day: Date;
  model: string;
  /** Those that reached the provider: answers out of the cache are not among them. */
  attempts: bigint;
  tokensInput: bigint;
  tokensCached: bigint;
  tokensOutput: bigint;
  costMicroUsd: bigint;
}

/**
 * By day and model. From the rows themselves: the rollups do not tell answers out of the cache apart, which no provider knows of.
 *
 * @param until excluded; both are whole days. A call is made at most a day before its attempts start.
 */
export function readDailyUsage(database: Database, provider: string, from: Date, until: Date): Promise<DailyUsage[]> {
  return database.$queryRaw<DailyUsage[]>`
    SELECT date_trunc('day', started_at, 'UTC') AS day, model,
      sum(CASE entry WHEN 'reversal' THEN -1 WHEN 'adjustment' THEN 0 ELSE 1 END)::bigint AS attempts,
      sum(tokens_input)::bigint AS "tokensInput", sum(tokens_cached)::bigint AS "tokensCached",
      sum(tokens_output)::bigint AS "tokensOutput", sum(provider_cost_micro_usd)::bigint AS "costMicroUsd"
    FROM usage_attempt
    WHERE provider = ${provider} AND NOT is_cache_hit AND started_at >= ${from} AND started_at < ${until}
      AND call_id >= first_call_id(${from}::date - 1) AND call_id < first_call_id(${until}::date)
    GROUP BY 1, 2`;
}
