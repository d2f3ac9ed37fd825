-- CreateTable
CREATE TABLE "usage_total" (
    "grain" "rollup_grain" NOT NULL,
    "starts_at" TIMESTAMPTZ(3) NOT NULL,
    "tier" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "model" TEXT NOT NULL,
    "task" TEXT NOT NULL,
    "attempts" BIGINT NOT NULL,
    "failed_attempts" BIGINT NOT NULL,
    "cache_hits" BIGINT NOT NULL,
    "tokens_input" BIGINT NOT NULL,
    "tokens_cached" BIGINT NOT NULL,
    "tokens_output" BIGINT NOT NULL,
    "tokens_reasoning" BIGINT NOT NULL,
    "tokens_counted" BIGINT NOT NULL,
    "provider_cost_micro_usd" BIGINT NOT NULL,
    "charge_micro_usd" BIGINT NOT NULL,

    CONSTRAINT "usage_total_pkey" PRIMARY KEY ("grain","starts_at","tier","provider","model","task")
);

-- CreateTable
CREATE TABLE "usage_totals_state" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "until" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "usage_totals_state_pkey" PRIMARY KEY ("id")
);

-- From here on by hand.

-- Sums over all accounts, of what started before `until`. A row of the present belongs to nobody's account and would be locked by
-- everybody's settlements, so the present is not in here: a job moves `until` on, two hours behind. Rows that come later
-- for what is before `until` (late settlements, corrections) are added by a trigger, in their own transaction.
INSERT INTO "usage_totals_state" ("until") VALUES ('epoch');
ALTER TABLE "usage_totals_state" ADD CONSTRAINT "usage_totals_state_one_row" CHECK ("id" = 1);

-- One at a time: whoever reads `until` and adds to the totals must not be overtaken. Taken after the locks of accounts, never before.
CREATE FUNCTION "lock_usage_totals"() RETURNS void LANGUAGE sql AS $$ SELECT pg_advisory_xact_lock(7480011537) $$;

-- Adds sums of hours to the totals of their hours and days.
CREATE FUNCTION "add_to_usage_totals"(hours usage_total[]) RETURNS void LANGUAGE sql AS $$
  INSERT INTO usage_total AS total
  SELECT grain, date_trunc(grain::text, each_hour.starts_at, 'UTC'), tier, provider, model, task, sum(attempts), sum(failed_attempts),
    sum(cache_hits), sum(tokens_input), sum(tokens_cached), sum(tokens_output), sum(tokens_reasoning), sum(tokens_counted),
    sum(provider_cost_micro_usd), sum(charge_micro_usd)
  FROM unnest(enum_range(NULL::rollup_grain)) AS grain CROSS JOIN (
    SELECT starts_at, tier, provider, model, task, attempts, failed_attempts, cache_hits, tokens_input, tokens_cached, tokens_output,
      tokens_reasoning, tokens_counted, provider_cost_micro_usd, charge_micro_usd FROM unnest(hours)
  ) AS each_hour
  GROUP BY 1, 2, 3, 4, 5, 6
  ON CONFLICT (grain, starts_at, tier, provider, model, task) DO UPDATE SET
    attempts = total.attempts + excluded.attempts,
    failed_attempts = total.failed_attempts + excluded.failed_attempts,
    cache_hits = total.cache_hits + excluded.cache_hits,
    tokens_input = total.tokens_input + excluded.tokens_input,
    tokens_cached = total.tokens_cached + excluded.tokens_cached,
    tokens_output = total.tokens_output + excluded.tokens_output,
    tokens_reasoning = total.tokens_reasoning + excluded.tokens_reasoning,
    tokens_counted = total.tokens_counted + excluded.tokens_counted,
    provider_cost_micro_usd = total.provider_cost_micro_usd + excluded.provider_cost_micro_usd,
    charge_micro_usd = total.charge_micro_usd + excluded.charge_micro_usd
$$;

-- Takes the hours that are over for two hours into the totals; returns the new `until`.
CREATE FUNCTION "advance_usage_totals"() RETURNS timestamptz LANGUAGE plpgsql AS $$
DECLARE
  before timestamptz;
  after timestamptz := date_trunc('hour', clock_timestamp() - interval '2 hours', 'UTC');
BEGIN
  PERFORM lock_usage_totals();
  SELECT until INTO before FROM usage_totals_state;
  IF after <= before THEN
    RETURN before;
  END IF;
  PERFORM add_to_usage_totals(array(
    SELECT ROW('hour'::rollup_grain, starts_at, tier, provider, model, task, sum(attempts), sum(failed_attempts), sum(cache_hits), sum(tokens_input),
      sum(tokens_cached), sum(tokens_output), sum(tokens_reasoning), sum(tokens_counted), sum(provider_cost_micro_usd), sum(charge_micro_usd))::usage_total
    FROM usage_rollup WHERE grain = 'hour' AND starts_at >= before AND starts_at < after GROUP BY starts_at, tier, provider, model, task
  ));
  UPDATE usage_totals_state SET until = after;
  RETURN after;
END
$$;

-- A row that is less than an hour old cannot be before `until`, unless its transaction takes another hour.
CREATE FUNCTION "total_late_entries"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM added WHERE started_at < clock_timestamp() - interval '1 hour') THEN
    RETURN NULL;
  END IF;
  PERFORM lock_usage_totals();
  PERFORM add_to_usage_totals(array(
    SELECT ROW('hour'::rollup_grain, date_trunc('hour', started_at, 'UTC'), tier, provider, model, task, sum(sign),
      sum(sign * (outcome IN ('failed', 'lost'))::int), sum(sign * is_cache_hit::int), sum(tokens_input), sum(tokens_cached), sum(tokens_output),
      sum(tokens_reasoning), sum((tokens_input + tokens_output) * is_counted::int), sum(provider_cost_micro_usd), sum(charge_micro_usd))::usage_total
    FROM added CROSS JOIN LATERAL (SELECT CASE added.entry WHEN 'reversal' THEN -1 WHEN 'adjustment' THEN 0 ELSE 1 END AS sign) AS signed
    WHERE started_at < (SELECT until FROM usage_totals_state)
    GROUP BY date_trunc('hour', started_at, 'UTC'), tier, provider, model, task
  ));
  RETURN NULL;
END
$$;
CREATE TRIGGER "usage_attempt_totals" AFTER INSERT ON "usage_attempt" REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION "total_late_entries"();
