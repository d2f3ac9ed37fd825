-- Plain statements for what is alone. Setting a statement up costs some microseconds when it finds one row by its key, and ten times that
-- with joins and sums. A batch shares that, a lone request does not: it has functions of its own, take_hold and end_hold, for the
-- case in which nothing is in its way. Whatever is unusual they leave to the functions of batches, before they have changed anything.

CREATE FUNCTION "account_lock"(id uuid) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT uuid_hash_extended(id, 7480011536)
$$;

-- As before: in the order of the numbers, so that no two transactions wait for each other.
CREATE OR REPLACE FUNCTION "lock_accounts"(ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  next_lock bigint;
BEGIN
  FOR next_lock IN SELECT DISTINCT account_lock(id) FROM unnest(ids) AS id ORDER BY 1 LOOP
    PERFORM pg_advisory_xact_lock(next_lock);
  END LOOP;
END
$$;

-- What an account has agreed to, by the version of its plan that is in force now.
CREATE TYPE "account_terms" AS (anchor_day int, plan_code text, calls_per_day int, tokens_included bigint, tokens_cap bigint);

-- All null when there is no such account, or no version of its plan in force.
CREATE FUNCTION "terms_of"(of_account uuid) RETURNS account_terms LANGUAGE plpgsql AS $$
DECLARE
  payer record;
  terms account_terms;
BEGIN
  SELECT anchor_day, plan_code, plan_version INTO payer FROM subscription WHERE account_id = of_account AND ends_at IS NULL;
  SELECT payer.anchor_day, code, calls_per_day, tokens_per_month, CASE tokens_overage WHEN 'block' THEN tokens_per_month ELSE tokens_hard_cap END
  INTO terms FROM plan
  WHERE code = payer.plan_code
    AND CASE WHEN payer.plan_version IS NULL THEN effective_from <= clock_timestamp() ELSE version = payer.plan_version END
  ORDER BY version DESC LIMIT 1;
  RETURN terms;
END
$$;

-- One request like those of take_holds, when it is alone.
CREATE FUNCTION "take_hold"(request jsonb)
RETURNS TABLE (ordinal int, verdict text, used bigint, held bigint, cap bigint, resets_on date, tier text, month_start date, day date, taken_at timestamptz)
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  asked hold_request := jsonb_populate_record(NULL::hold_request, request);
  asked_at timestamptz(3);
  terms account_terms;
  month record;
  today record;
BEGIN
  PERFORM pg_advisory_xact_lock(account_lock(asked.account_id));
  asked_at := clock_timestamp();
  terms := terms_of(asked.account_id);
  taken_at := coalesce(asked.at, asked_at);
  day := (taken_at AT TIME ZONE 'UTC')::date;
  month_start := usage_month_start(terms.anchor_day, day);
  tier := terms.plan_code;
  SELECT spent, held INTO month FROM usage_window WHERE account_id = asked.account_id AND kind = 'tokens_month' AND starts_on = month_start;
  SELECT spent, held INTO today FROM usage_window WHERE account_id = asked.account_id AND kind = 'calls_day' AND starts_on = day;
  -- Null without a window or an account.
  IF month.spent + month.held + asked.tokens <= terms.tokens_cap AND today.spent + today.held < terms.calls_per_day THEN
    INSERT INTO hold VALUES (asked.call_id, asked.attempt_number, asked.request_id, asked.account_id, asked.user_id, tier, asked.task,
      asked.provider, asked.model, asked.price_version_id, asked.tokens, asked.tokens_input, 0, month_start, day, taken_at,
      CASE WHEN asked.is_dispatched THEN asked_at END, asked_at + asked.lease_ms * interval '1 millisecond')
    ON CONFLICT DO NOTHING;
    IF FOUND THEN
      UPDATE usage_window SET held = held + asked.tokens, cap = terms.tokens_cap
      WHERE account_id = asked.account_id AND kind = 'tokens_month' AND starts_on = month_start;
      INSERT INTO counted_call VALUES (asked.request_id, asked.account_id, day, false) ON CONFLICT DO NOTHING;
      IF FOUND THEN
        UPDATE usage_window SET held = held + 1, cap = terms.calls_per_day
        WHERE account_id = asked.account_id AND kind = 'calls_day' AND starts_on = day;
      END IF;
      ordinal := asked.ordinal;
      verdict := 'admitted';
      RETURN NEXT;
      RETURN;
    END IF;
  END IF;
  RETURN QUERY SELECT * FROM take_holds(jsonb_build_array(request));
END
$$;

-- One item like those of end_holds, when it is alone.
CREATE FUNCTION "end_hold"(ending jsonb) RETURNS TABLE (ordinal int, effect text)
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  item hold_end := jsonb_populate_record(NULL::hold_end, ending);
  ended record;
  call_day date;
BEGIN
  IF item.counts_call AND NOT item.only_lapsed THEN
    PERFORM pg_advisory_xact_lock(account_lock(item.account_id));
    -- Only while its hold stands, whose account is known.
    INSERT INTO usage_attempt (call_id, attempt_number, request_id, account_id, user_id, tier, task, provider, model, tokens_input,
      tokens_cached, tokens_output, tokens_reasoning, usage_source, outcome, is_cache_hit, is_counted, error_code, price_version_id,
      provider_cost_micro_usd, charge_micro_usd, month_start, day, started_at, finished_at, recorded_at)
    SELECT item.call_id, item.attempt_number, item.request_id, item.account_id, item.user_id, item.tier, item.task, item.provider,
      item.model, item.tokens_input, item.tokens_cached, item.tokens_output, item.tokens_reasoning, item.usage_source, item.outcome,
      item.is_cache_hit, item.is_counted, item.error_code, item.price_version_id, item.provider_cost_micro_usd, item.charge_micro_usd,
      item.month_start, item.day, item.started_at, item.finished_at, clock_timestamp()
    FROM hold WHERE call_id = item.call_id AND attempt_number = item.attempt_number
    ON CONFLICT DO NOTHING;
    IF FOUND THEN
      DELETE FROM hold WHERE call_id = item.call_id AND attempt_number = item.attempt_number RETURNING tokens, month_start INTO ended;
      UPDATE usage_window SET held = held - ended.tokens
      WHERE account_id = item.account_id AND kind = 'tokens_month' AND starts_on = ended.month_start;
      UPDATE counted_call SET is_spent = true WHERE request_id = item.request_id AND NOT is_spent RETURNING day INTO call_day;
      IF FOUND THEN
        UPDATE usage_window SET spent = spent + 1, held = held - 1
        WHERE account_id = item.account_id AND kind = 'calls_day' AND starts_on = call_day;
      END IF;
      ordinal := item.ordinal;
      effect := 'recorded';
      RETURN NEXT;
      RETURN;
    END IF;
  END IF;
  RETURN QUERY SELECT * FROM end_holds(jsonb_build_array(ending));
END
$$;

-- What every row of the ledger counts for, in the transaction that inserts it, whoever that is: its month with the alerts of it, the
-- rollups, and the totals of all accounts when these have passed its hour already. One trigger for all of it, since each costs a
-- call, and sums only when there is more than one row.
DROP TRIGGER "usage_attempt_notes_alerts" ON "usage_attempt";
DROP TRIGGER "usage_attempt_totals" ON "usage_attempt";
DROP FUNCTION "note_usage_alerts"();
DROP FUNCTION "total_late_entries"();

-- Alerts of a month whose sum has just grown. Whoever adds to it holds the lock of the account, so two that reach a threshold at once
-- come one after the other.
CREATE FUNCTION "note_usage_alerts"(month usage_window) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  included bigint := (terms_of(month.account_id)).tokens_included;
  alerted int;
BEGIN
  IF included IS NULL OR included <= 0 OR month.spent * 2 < included THEN
    RETURN;
  END IF;
  SELECT coalesce(max(percent), 0) INTO alerted FROM usage_alert
  WHERE account_id = month.account_id AND month_start = month.starts_on AND limit_tokens = included;
  WITH reached AS (
    INSERT INTO usage_alert (account_id, month_start, limit_tokens, percent, spent_tokens, occurred_at)
    SELECT month.account_id, month.starts_on, included, step, month.spent, clock_timestamp()
    FROM unnest('{50,75,90,100}'::int[]) AS step WHERE step > alerted AND month.spent * 100 >= included::numeric * step
    ON CONFLICT DO NOTHING RETURNING *
  )
  INSERT INTO webhook_event (id, account_id, type, data, occurred_at)
  SELECT gen_random_uuid(), account_id, 'usage.threshold_reached', jsonb_build_object(
      'account_id', account_id, 'percent', percent, 'limit_tokens', limit_tokens, 'used_tokens', spent_tokens,
      'window_start', month_start, 'window_end', month.ends_on), occurred_at
  FROM reached ORDER BY percent;
END
$$;

-- The totals belong to no account, so this has the rights of its owner, and only a trigger may call it.
CREATE FUNCTION "total_late_hours"(hours usage_rollup[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  IF pg_trigger_depth() = 0 THEN
    RAISE EXCEPTION 'total_late_hours is called by the trigger of usage_attempt alone' USING ERRCODE = 'insufficient_privilege';
  END IF;
  PERFORM lock_usage_totals();
  PERFORM add_to_usage_totals(array(
    SELECT ROW('hour', starts_at, tier, provider, model, task, attempts, failed_attempts, cache_hits, tokens_input, tokens_cached,
      tokens_output, tokens_reasoning, tokens_counted, provider_cost_micro_usd, charge_micro_usd)::usage_total
    FROM unnest(hours) WHERE grain = 'hour' AND starts_at < (SELECT until FROM usage_totals_state)
  ));
END
$$;

CREATE FUNCTION "sum_rollups"(parts usage_rollup[]) RETURNS usage_rollup[] LANGUAGE plpgsql AS $$
BEGIN
  RETURN array(
    SELECT ROW(grain, starts_at, account_id, user_id, tier, provider, model, task, sum(attempts), sum(failed_attempts), sum(cache_hits),
      sum(tokens_input), sum(tokens_cached), sum(tokens_output), sum(tokens_reasoning), sum(tokens_counted),
      sum(provider_cost_micro_usd), sum(charge_micro_usd))::usage_rollup
    FROM unnest(parts) GROUP BY grain, starts_at, account_id, user_id, tier, provider, model, task
  );
END
$$;

CREATE OR REPLACE FUNCTION "count_new_entries"() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  month usage_window;
  rollups usage_rollup[];
BEGIN
  FOR month IN
    INSERT INTO usage_window AS counted (account_id, kind, starts_on, ends_on, spent, spent_output)
    SELECT account_id, 'tokens_month', month_start, usage_month_end(
        (SELECT anchor_day FROM subscription WHERE subscription.account_id = added.account_id AND ends_at IS NULL), month_start),
      sum(tokens_input + tokens_output), sum(tokens_output)
    FROM added WHERE is_counted GROUP BY account_id, month_start
    ON CONFLICT (account_id, kind, starts_on) DO UPDATE
      SET spent = counted.spent + excluded.spent, spent_output = counted.spent_output + excluded.spent_output
    RETURNING counted.*
  LOOP
    PERFORM note_usage_alerts(month);
  END LOOP;

  rollups := array(
    SELECT ROW(grain, date_trunc(grain::text, started_at, 'UTC'), account_id, user_id, tier, provider, model, task,
      sign, sign * (outcome IN ('failed', 'lost'))::int, sign * is_cache_hit::int, tokens_input, tokens_cached, tokens_output,
      tokens_reasoning, (tokens_input + tokens_output) * is_counted::int, provider_cost_micro_usd, charge_micro_usd)::usage_rollup
    FROM added
    CROSS JOIN LATERAL (SELECT CASE entry WHEN 'reversal' THEN -1 WHEN 'adjustment' THEN 0 ELSE 1 END AS sign) AS signed
    CROSS JOIN unnest(enum_range(NULL::rollup_grain)) AS grain
  );
  IF cardinality(rollups) > cardinality(enum_range(NULL::rollup_grain)) THEN
    rollups := sum_rollups(rollups);
  END IF;
  INSERT INTO usage_rollup AS rolled SELECT * FROM unnest(rollups)
  ON CONFLICT (grain, account_id, starts_at, user_id, tier, provider, model, task) DO UPDATE SET
    attempts = rolled.attempts + excluded.attempts,
    failed_attempts = rolled.failed_attempts + excluded.failed_attempts,
    cache_hits = rolled.cache_hits + excluded.cache_hits,
    tokens_input = rolled.tokens_input + excluded.tokens_input,
    tokens_cached = rolled.tokens_cached + excluded.tokens_cached,
    tokens_output = rolled.tokens_output + excluded.tokens_output,
    tokens_reasoning = rolled.tokens_reasoning + excluded.tokens_reasoning,
    tokens_counted = rolled.tokens_counted + excluded.tokens_counted,
    provider_cost_micro_usd = rolled.provider_cost_micro_usd + excluded.provider_cost_micro_usd,
    charge_micro_usd = rolled.charge_micro_usd + excluded.charge_micro_usd;

  -- A row that is less than an hour old cannot be before the totals' `until`, unless its transaction takes another hour.
  IF EXISTS (SELECT FROM added WHERE started_at < clock_timestamp() - interval '1 hour') THEN
    PERFORM total_late_hours(rollups);
  END IF;
  RETURN NULL;
END
$$;
