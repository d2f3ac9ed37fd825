-- Functions of the ledger: each is one statement for its caller, so that no lock outlives a process that freezes.
-- All of them lock the accounts of their batch first, in the order of their ids, and everything else only after; what
-- belongs to an account changes under that lock alone. So no two of them can wait for each other.

-- Every new row of the ledger counts in its month and in the rollups, in the same transaction, whoever inserts it.
CREATE FUNCTION "count_new_entries"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO usage_window AS counted (account_id, kind, starts_on, ends_on, spent, spent_output)
  SELECT added.account_id, 'tokens_month', added.month_start,
    usage_month_end(min(subscription.anchor_day), added.month_start),
    sum(added.tokens_input + added.tokens_output), sum(added.tokens_output)
  FROM added JOIN subscription ON subscription.account_id = added.account_id AND subscription.ends_at IS NULL
  WHERE added.is_counted
  GROUP BY added.account_id, added.month_start
  ORDER BY added.account_id, added.month_start
  ON CONFLICT (account_id, kind, starts_on) DO UPDATE
    SET spent = counted.spent + excluded.spent, spent_output = counted.spent_output + excluded.spent_output;

  INSERT INTO usage_rollup AS rolled
  SELECT grain, bucket, account_id, user_id, tier, provider, model, task,
    sum(sign), sum(sign * (outcome IN ('failed', 'lost'))::int), sum(sign * is_cache_hit::int),
    sum(tokens_input), sum(tokens_cached), sum(tokens_output), sum(tokens_reasoning),
    sum((tokens_input + tokens_output) * is_counted::int), sum(provider_cost_micro_usd), sum(charge_micro_usd)
  FROM (
    SELECT added.*, grain, date_trunc(grain::text, added.started_at, 'UTC') AS bucket,
      CASE added.entry WHEN 'reversal' THEN -1 WHEN 'adjustment' THEN 0 ELSE 1 END AS sign
    FROM added CROSS JOIN unnest(enum_range(NULL::rollup_grain)) AS grain
  ) AS signed
  GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
  ORDER BY 3, 1, 2, 4, 5, 6, 7, 8
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
  RETURN NULL;
END
$$;

-- Admits the holds of a batch, in its order, as long as spent + held + this <= cap for the month's tokens and the day's calls.
-- A hold that is refused leaves no trace, and does not stand in the way of a smaller one after it. A hold that stands
-- already is admitted again without a second effect. `at` is for tests and imports; now, when absent.
CREATE FUNCTION "take_holds"(batch jsonb)
RETURNS TABLE (ordinal int, verdict text, used bigint, held bigint, cap bigint, resets_on date, tier text, month_start date, day date, taken_at timestamptz)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  asked record;
  account_before uuid;
  month_before date;
  day_before date;
  tokens_used bigint;
  tokens_held bigint;
  calls_used bigint;
  calls_held bigint;
  counted uuid[] := '{}';
  is_new_call boolean;
  admitted hold[] := '{}';
  new_calls counted_call[] := '{}';
  caps usage_window[] := '{}';
BEGIN
  PERFORM 1 FROM account WHERE id IN (SELECT (item ->> 'account_id')::uuid FROM jsonb_array_elements(batch) AS item)
  ORDER BY id FOR NO KEY UPDATE;

  FOR asked IN
    SELECT item.*, moment.now, period.*, subscription.plan_code, plan.calls_per_day, subscription.anchor_day,
      CASE plan.tokens_overage WHEN 'block' THEN plan.tokens_per_month ELSE plan.tokens_hard_cap END AS tokens_cap,
      month.spent AS month_spent, month.held AS month_held, today.spent AS day_spent, today.held AS day_held,
      counted_call.request_id IS NOT NULL AS is_known_call, existing.call_id IS NOT NULL AS is_repeated,
      existing.tier AS tier_before, existing.month_start AS month_taken, existing.day AS day_taken, existing.taken_at AS taken_before
    FROM jsonb_to_recordset(batch) AS item(ordinal int, call_id uuid, attempt_number smallint, request_id uuid, account_id uuid,
      user_id uuid, task text, provider text, model text, price_version_id bigint, tokens bigint, tokens_input int,
      is_dispatched boolean, lease_ms int, at timestamptz)
    JOIN subscription ON subscription.account_id = item.account_id AND subscription.ends_at IS NULL
    CROSS JOIN LATERAL (SELECT coalesce(item.at, clock_timestamp()) AS now) AS moment
    CROSS JOIN LATERAL (
      SELECT on_day, usage_month_start(subscription.anchor_day, on_day) AS on_month
      FROM (SELECT (moment.now AT TIME ZONE 'UTC')::date AS on_day) AS today
    ) AS period
    CROSS JOIN LATERAL (
      SELECT * FROM plan WHERE plan.code = subscription.plan_code
        AND CASE WHEN subscription.plan_version IS NULL THEN plan.effective_from <= clock_timestamp() ELSE plan.version = subscription.plan_version END
      ORDER BY plan.version DESC LIMIT 1
    ) AS plan
    LEFT JOIN usage_window AS month
      ON month.account_id = item.account_id AND month.kind = 'tokens_month' AND month.starts_on = period.on_month
    LEFT JOIN usage_window AS today
      ON today.account_id = item.account_id AND today.kind = 'calls_day' AND today.starts_on = period.on_day
    LEFT JOIN hold AS existing ON existing.call_id = item.call_id AND existing.attempt_number = item.attempt_number
    LEFT JOIN counted_call ON counted_call.request_id = item.request_id
    ORDER BY item.account_id, on_month, on_day, item.ordinal
  LOOP
    IF (asked.account_id, asked.on_month) IS DISTINCT FROM (account_before, month_before) THEN
      tokens_used := coalesce(asked.month_spent, 0);
      tokens_held := coalesce(asked.month_held, 0);
    END IF;
    IF (asked.account_id, asked.on_day) IS DISTINCT FROM (account_before, day_before) THEN
      calls_used := coalesce(asked.day_spent, 0);
      calls_held := coalesce(asked.day_held, 0);
    END IF;
    account_before := asked.account_id;
    month_before := asked.on_month;
    day_before := asked.on_day;
    is_new_call := NOT asked.is_known_call AND NOT (asked.request_id = ANY (counted));
    ordinal := asked.ordinal;
    tier := asked.plan_code;
    month_start := asked.on_month;
    day := asked.on_day;
    taken_at := asked.now;

    IF asked.is_repeated THEN
      verdict := 'admitted';
      tier := asked.tier_before;
      month_start := asked.month_taken;
      day := asked.day_taken;
      taken_at := asked.taken_before;
    ELSIF tokens_used + tokens_held + asked.tokens > asked.tokens_cap THEN
      verdict := 'tokens_month';
      used := tokens_used;
      held := tokens_held;
      cap := asked.tokens_cap;
      resets_on := usage_month_end(asked.anchor_day, asked.on_month);
    ELSIF is_new_call AND calls_used + calls_held + 1 > asked.calls_per_day THEN
      verdict := 'calls_day';
      used := calls_used;
      held := calls_held;
      cap := asked.calls_per_day;
      resets_on := asked.on_day + 1;
    ELSE
      verdict := 'admitted';
      tokens_held := tokens_held + asked.tokens;
      admitted := admitted || ROW(asked.call_id, asked.attempt_number, asked.request_id, asked.account_id, asked.user_id,
        asked.plan_code, asked.task, asked.provider, asked.model, asked.price_version_id, asked.tokens, asked.tokens_input, 0,
        asked.on_month, asked.on_day, asked.now, CASE WHEN asked.is_dispatched THEN clock_timestamp() END,
        clock_timestamp() + asked.lease_ms * interval '1 millisecond')::hold;
      caps := caps || ROW(asked.account_id, 'tokens_month', asked.on_month, usage_month_end(asked.anchor_day, asked.on_month),
        0, 0, asked.tokens, asked.tokens_cap)::usage_window;
      IF is_new_call THEN
        calls_held := calls_held + 1;
        counted := counted || asked.request_id;
        new_calls := new_calls || ROW(asked.request_id, asked.account_id, asked.on_day, false)::counted_call;
        caps := caps || ROW(asked.account_id, 'calls_day', asked.on_day, asked.on_day + 1, 0, 0, 1, asked.calls_per_day)::usage_window;
      END IF;
    END IF;
    RETURN NEXT;
  END LOOP;

  INSERT INTO hold SELECT * FROM unnest(admitted);
  INSERT INTO counted_call SELECT * FROM unnest(new_calls);
  INSERT INTO usage_window AS counted_window (account_id, kind, starts_on, ends_on, held, cap)
  SELECT taken.account_id, taken.kind, taken.starts_on, taken.ends_on, sum(taken.held), min(taken.cap) FROM unnest(caps) AS taken
  GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3
  ON CONFLICT (account_id, kind, starts_on) DO UPDATE SET held = counted_window.held + excluded.held, cap = excluded.cap;
END
$$;

-- A call is held while holds of its request stand and nothing of it has counted, spent from the first attempt that counts on, and
-- forgotten when its last hold ends without one.
CREATE FUNCTION "settle_calls"(spent_calls counted_call[], ended_requests uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  WITH spent AS (
    INSERT INTO counted_call AS known
    SELECT DISTINCT ON (request_id) * FROM unnest(spent_calls) ORDER BY request_id
    ON CONFLICT (request_id) DO UPDATE SET is_spent = true WHERE NOT known.is_spent
    RETURNING known.request_id, known.account_id, known.day
  ),
  forgotten AS (
    DELETE FROM counted_call
    WHERE request_id IN (SELECT unnest(ended_requests) EXCEPT SELECT request_id FROM unnest(spent_calls)) AND NOT is_spent
      AND NOT EXISTS (SELECT FROM hold WHERE hold.request_id = counted_call.request_id)
    RETURNING account_id, day
  ),
  change AS (
    -- counted_call is read as it was before this statement.
    SELECT spent.account_id, spent.day, count(*) AS spent, -count(before.request_id) AS held
    FROM spent LEFT JOIN counted_call AS before USING (request_id) GROUP BY 1, 2
    UNION ALL
    SELECT account_id, day, 0, -count(*) FROM forgotten GROUP BY 1, 2
  ),
  change_of_window AS (
    SELECT account_id, day, sum(spent) AS spent, sum(held) AS held FROM change GROUP BY 1, 2
  ),
  made AS (
    INSERT INTO usage_window AS counted (account_id, kind, starts_on, ends_on, spent)
    SELECT account_id, 'calls_day', day, day + 1, spent FROM change_of_window WHERE held = 0
    ORDER BY account_id, day
    ON CONFLICT (account_id, kind, starts_on) DO UPDATE SET spent = counted.spent + excluded.spent
  )
  UPDATE usage_window SET spent = usage_window.spent + change_of_window.spent, held = usage_window.held + change_of_window.held
  FROM change_of_window
  WHERE change_of_window.held <> 0 AND usage_window.account_id = change_of_window.account_id
    AND usage_window.kind = 'calls_day' AND usage_window.starts_on = change_of_window.day;
END
$$;

-- Ends holds: with the row of their attempt (`attempt`), or without one when nothing was sent. An item with `only_lapsed` has no
-- effect unless its hold stands and has lapsed. An attempt without a hold is recorded all the same. A row that stands already
-- stays; if it says `lost` and this one knows better, it is taken back and stated anew.
CREATE FUNCTION "end_holds"(batch jsonb) RETURNS TABLE (ordinal int, effect text) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  ended text[];
  ended_requests uuid[];
  recorded text[];
  restated text[];
  spent_calls counted_call[];
BEGIN
  PERFORM 1 FROM account WHERE id IN (SELECT (item ->> 'account_id')::uuid FROM jsonb_array_elements(batch) AS item)
  ORDER BY id FOR NO KEY UPDATE;

  WITH dropped AS (
    DELETE FROM hold USING (
      SELECT DISTINCT call_id, attempt_number, coalesce(only_lapsed, false) AS only_lapsed
      FROM jsonb_to_recordset(batch) AS item(call_id uuid, attempt_number smallint, only_lapsed boolean)
    ) AS item
    WHERE hold.call_id = item.call_id AND hold.attempt_number = item.attempt_number
      AND (NOT item.only_lapsed OR hold.lease_until < clock_timestamp())
    RETURNING hold.*
  ),
  freed AS (
    UPDATE usage_window SET held = usage_window.held - sums.tokens
    FROM (SELECT account_id, month_start, sum(tokens) AS tokens FROM dropped GROUP BY 1, 2) AS sums
    WHERE usage_window.account_id = sums.account_id AND usage_window.kind = 'tokens_month' AND usage_window.starts_on = sums.month_start
  )
  SELECT coalesce(array_agg(call_id || '/' || attempt_number), '{}'), coalesce(array_agg(DISTINCT request_id), '{}')
  INTO ended, ended_requests FROM dropped;

  WITH added AS (
    INSERT INTO usage_attempt
    SELECT attempt.* FROM jsonb_array_elements(batch) AS item
    JOIN subscription ON subscription.account_id = (item ->> 'account_id')::uuid AND subscription.ends_at IS NULL
    CROSS JOIN LATERAL jsonb_populate_record(NULL::usage_attempt, jsonb_build_object(
      'recorded_at', clock_timestamp(), 'tier', subscription.plan_code,
      'month_start', usage_month_start(subscription.anchor_day, (item #>> '{attempt,day}')::date)) || (item -> 'attempt')) AS attempt
    WHERE item -> 'attempt' IS NOT NULL
      AND (coalesce((item ->> 'only_lapsed')::boolean, false) = false OR item ->> 'key' IN (SELECT unnest(ended)))
    ON CONFLICT DO NOTHING
    RETURNING call_id, attempt_number
  )
  SELECT coalesce(array_agg(call_id || '/' || attempt_number), '{}') INTO recorded FROM added;

  restated := restate_lost(array(
    SELECT item FROM jsonb_array_elements(batch) AS item
    WHERE item -> 'attempt' IS NOT NULL AND item ->> 'key' NOT IN (SELECT unnest(recorded))
  ));

  SELECT coalesce(array_agg(ROW(item #>> '{attempt,request_id}', item #>> '{attempt,account_id}', item #>> '{attempt,day}', true)::counted_call), '{}')
  INTO spent_calls FROM jsonb_array_elements(batch) AS item
  WHERE (item ->> 'counts_call')::boolean AND item ->> 'key' IN (SELECT unnest(recorded || restated));
  PERFORM settle_calls(spent_calls, ended_requests);

  RETURN QUERY
  SELECT (item ->> 'ordinal')::int,
    CASE WHEN item ->> 'key' IN (SELECT unnest(restated)) THEN 'restated'
      WHEN item ->> 'key' IN (SELECT unnest(recorded)) THEN 'recorded'
      WHEN item ->> 'key' IN (SELECT unnest(ended)) THEN 'released' ELSE 'none' END
  FROM jsonb_array_elements(batch) AS item JOIN account ON account.id = (item ->> 'account_id')::uuid;
END
$$;

-- The late truth about attempts that were settled as lost: the estimate taken back, the attempt stated anew.
CREATE FUNCTION "restate_lost"(late_items jsonb[]) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  late jsonb;
  lost usage_attempt;
  restated text[] := '{}';
BEGIN
  FOREACH late IN ARRAY late_items LOOP
    CONTINUE WHEN late #>> '{attempt,outcome}' = 'lost';
    SELECT * INTO lost FROM usage_attempt
    WHERE call_id = (late ->> 'call_id')::uuid AND attempt_number = (late ->> 'attempt_number')::smallint AND entry_number = 0;
    CONTINUE WHEN lost.outcome IS DISTINCT FROM 'lost' OR EXISTS (
      SELECT FROM usage_attempt AS corrected WHERE corrected.call_id = lost.call_id
        AND corrected.attempt_number = lost.attempt_number AND corrected.correction_reason = 'late settlement'
    );
    PERFORM reverse_attempt(lost.call_id, lost.attempt_number, NULL, 'late settlement');
    INSERT INTO usage_attempt
    SELECT * FROM jsonb_populate_record(lost, (late -> 'attempt') || jsonb_build_object(
      'entry', 'restatement', 'entry_number', next_entry_number(lost.call_id, lost.attempt_number), 'corrects', 0,
      'correction_reason', 'late settlement', 'recorded_at', clock_timestamp(),
      'tier', lost.tier, 'month_start', lost.month_start, 'day', lost.day, 'started_at', lost.started_at));
    restated := restated || (late ->> 'key');
  END LOOP;
  RETURN restated;
END
$$;

CREATE FUNCTION "next_entry_number"(of_call uuid, of_attempt smallint) RETURNS smallint LANGUAGE sql STABLE AS $$
  SELECT max(entry_number) + 1 FROM usage_attempt WHERE call_id = of_call AND attempt_number = of_attempt
$$;

-- Takes back all that an attempt's entries add up to now.
CREATE FUNCTION "reverse_attempt"(of_call uuid, of_attempt smallint, by_correction uuid, reason text) RETURNS void LANGUAGE sql AS $$
  INSERT INTO usage_attempt
  SELECT reversed.* FROM (
    SELECT (array_agg(entries ORDER BY entry_number DESC) FILTER (WHERE entries.entry IN ('attempt', 'restatement')))[1] AS latest,
      sum(tokens_input) AS tokens_input, sum(tokens_cached) AS tokens_cached, sum(tokens_output) AS tokens_output,
      sum(tokens_reasoning) AS tokens_reasoning, sum(provider_cost_micro_usd) AS cost, sum(charge_micro_usd) AS charge
    FROM usage_attempt AS entries WHERE call_id = of_call AND attempt_number = of_attempt
  ) AS standing
  CROSS JOIN LATERAL jsonb_populate_record(standing.latest, jsonb_build_object(
    'entry', 'reversal', 'entry_number', next_entry_number(of_call, of_attempt), 'corrects', (standing.latest).entry_number,
    'correction_id', by_correction, 'correction_reason', reason, 'recorded_at', clock_timestamp(),
    'tokens_input', -standing.tokens_input, 'tokens_cached', -standing.tokens_cached, 'tokens_output', -standing.tokens_output,
    'tokens_reasoning', -standing.tokens_reasoning, 'provider_cost_micro_usd', -standing.cost, 'charge_micro_usd', -standing.charge
  )) AS reversed
$$;

-- A batch is small and the tables are not. The planner does not know that when it makes a plan once for all batches, or before it
-- has statistics, and would scan what is to be looked up.
ALTER FUNCTION "take_holds" SET enable_seqscan = off;
ALTER FUNCTION "take_holds" SET enable_hashjoin = off;
ALTER FUNCTION "take_holds" SET enable_mergejoin = off;
ALTER FUNCTION "end_holds" SET enable_seqscan = off;
ALTER FUNCTION "end_holds" SET enable_hashjoin = off;
ALTER FUNCTION "end_holds" SET enable_mergejoin = off;

CREATE TRIGGER "usage_attempt_counts" AFTER INSERT ON "usage_attempt" REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION "count_new_entries"();

-- Rows from before: counted now, by the calendar month that was shown for them then or the account's own.
INSERT INTO usage_attempt
SELECT (jsonb_populate_record(NULL::usage_attempt, jsonb_build_object(
    'entry_number', 0, 'entry', 'attempt', 'tier', subscription.plan_code, 'tokens_reasoning', 0, 'is_cache_hit', false,
    'is_counted', before.outcome <> 'failed', 'recorded_at', before.finished_at,
    'day', (before.started_at AT TIME ZONE 'UTC')::date,
    'month_start', usage_month_start(subscription.anchor_day, (before.started_at AT TIME ZONE 'UTC')::date)) || to_jsonb(before))).*
FROM usage_attempt_before AS before JOIN subscription ON subscription.account_id = before.account_id AND subscription.ends_at IS NULL;
SELECT settle_calls(coalesce(array_agg(ROW(request_id, account_id, day, true)::counted_call), '{}'), '{}')
FROM (SELECT DISTINCT ON (request_id) request_id, account_id, day FROM usage_attempt WHERE is_counted ORDER BY request_id, started_at) AS calls;
DROP TABLE usage_attempt_before;
