-- Functions of the ledger: each is one statement for its caller, so that no lock outlives a process that freezes.
-- All of them lock the accounts of their batch first, in the order of their ids, and everything else only after; what
-- belongs to an account changes under that lock alone. So no two of them can wait for each other.

--
-- A batch is small and the tables are not, which the planner does not know: it plans once for all batches, often before it has
-- statistics, and would read all of a table, or all of an index, where a few rows are to be looked up. So rows are found by
-- LATERAL with a LIMIT, by = ANY, or by ON CONFLICT, which leave it no choice.

CREATE FUNCTION "lock_accounts"(ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM (SELECT DISTINCT id FROM unnest(ids) AS id ORDER BY id) AS ordered
  CROSS JOIN LATERAL (SELECT 1 FROM account WHERE account.id = ordered.id FOR NO KEY UPDATE) AS locked;
END
$$;

-- Every new row of the ledger counts in its month and in the rollups, in the same transaction, whoever inserts it.
CREATE FUNCTION "count_new_entries"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO usage_window AS counted (account_id, kind, starts_on, ends_on, spent, spent_output)
  SELECT sums.account_id, 'tokens_month', sums.month_start, usage_month_end(payer.anchor_day, sums.month_start), sums.spent, sums.spent_output
  FROM (
    SELECT account_id, month_start, sum(tokens_input + tokens_output) AS spent, sum(tokens_output) AS spent_output
    FROM added WHERE is_counted GROUP BY 1, 2
  ) AS sums
  CROSS JOIN LATERAL (
    SELECT anchor_day FROM subscription WHERE subscription.account_id = sums.account_id AND ends_at IS NULL LIMIT 1
  ) AS payer
  ORDER BY sums.account_id, sums.month_start
  ON CONFLICT (account_id, kind, starts_on) DO UPDATE
    SET spent = counted.spent + excluded.spent, spent_output = counted.spent_output + excluded.spent_output;

  INSERT INTO usage_rollup AS rolled
  WITH hours AS (
    SELECT date_trunc('hour', started_at, 'UTC') AS bucket, account_id, user_id, tier, provider, model, task,
      sum(sign) AS attempts, sum(sign * (outcome IN ('failed', 'lost'))::int) AS failed, sum(sign * is_cache_hit::int) AS cache_hits,
      sum(tokens_input) AS input, sum(tokens_cached) AS cached, sum(tokens_output) AS output, sum(tokens_reasoning) AS reasoning,
      sum((tokens_input + tokens_output) * is_counted::int) AS counted, sum(provider_cost_micro_usd) AS cost, sum(charge_micro_usd) AS charge
    FROM added CROSS JOIN LATERAL (SELECT CASE added.entry WHEN 'reversal' THEN -1 WHEN 'adjustment' THEN 0 ELSE 1 END AS sign) AS signed
    GROUP BY 1, 2, 3, 4, 5, 6, 7
  )
  SELECT 'hour'::rollup_grain, * FROM hours
  UNION ALL
  SELECT 'day', date_trunc('day', bucket, 'UTC'), account_id, user_id, tier, provider, model, task, sum(attempts), sum(failed), sum(cache_hits),
    sum(input), sum(cached), sum(output), sum(reasoning), sum(counted), sum(cost), sum(charge)
  FROM hours GROUP BY 2, 3, 4, 5, 6, 7, 8
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

-- One item of a batch for take_holds, and whether its call and its hold are known already.
CREATE TYPE "hold_request" AS (ordinal int, call_id uuid, attempt_number smallint, request_id uuid, account_id uuid, user_id uuid,
  task text, provider text, model text, price_version_id bigint, tokens bigint, tokens_input int, is_dispatched boolean, lease_ms int,
  at timestamptz, is_known_call boolean, is_repeated boolean);

-- Admits the holds of a batch, in its order, as long as spent + held + this <= cap for the month's tokens and the day's calls.
-- A hold that is refused leaves no trace, and does not stand in the way of a smaller one after it. A hold that stands
-- already is admitted again without a second effect. `at` is for tests and imports; now, when absent.
CREATE FUNCTION "take_holds"(batch jsonb)
RETURNS TABLE (ordinal int, verdict text, used bigint, held bigint, cap bigint, resets_on date, tier text, month_start date, day date, taken_at timestamptz)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  requests hold_request[] := array(SELECT item FROM jsonb_populate_recordset(NULL::hold_request, batch) AS item);
  asked_at timestamptz(3);
  payer record;
  asked hold_request;
  account_before uuid;
  month_before date;
  tokens_used bigint;
  tokens_held bigint;
  holds_taken int;
  tokens_taken bigint;
  calls_held bigint;
  calls_taken bigint;
  counted uuid[] := '{}';
  is_new_call boolean;
  admitted hold[] := '{}';
  new_calls counted_call[] := '{}';
  windows usage_window[] := '{}';
BEGIN
  PERFORM lock_accounts(array(SELECT account_id FROM unnest(requests)));
  asked_at := clock_timestamp();

  FOR payer IN
    SELECT asking.account_id, asking.on_day, asking.items, period.on_month, usage_month_end(subscription.anchor_day, period.on_month) AS month_end,
      plan.*, month.spent AS month_spent, month.held AS month_held,
      coalesce(today.spent, 0) AS day_spent, coalesce(today.held, 0) AS day_held
    FROM (
      SELECT item.account_id, (coalesce(item.at, asked_at) AT TIME ZONE 'UTC')::date AS on_day,
        array_agg(ROW(item.ordinal, item.call_id, item.attempt_number, item.request_id, item.account_id, item.user_id, item.task,
          item.provider, item.model, item.price_version_id, item.tokens, item.tokens_input, item.is_dispatched, item.lease_ms,
          coalesce(item.at, asked_at), counted_call.request_id IS NOT NULL, existing.call_id IS NOT NULL)::hold_request ORDER BY item.ordinal) AS items
      FROM unnest(requests) AS item
      LEFT JOIN LATERAL (
        SELECT call_id FROM hold WHERE hold.call_id = item.call_id AND hold.attempt_number = item.attempt_number LIMIT 1
      ) AS existing ON true
      LEFT JOIN LATERAL (SELECT request_id FROM counted_call WHERE counted_call.request_id = item.request_id LIMIT 1) AS counted_call ON true
      GROUP BY 1, 2
    ) AS asking
    CROSS JOIN LATERAL (SELECT * FROM subscription WHERE account_id = asking.account_id AND ends_at IS NULL LIMIT 1) AS subscription
    CROSS JOIN LATERAL (SELECT usage_month_start(subscription.anchor_day, asking.on_day) AS on_month OFFSET 0) AS period
    CROSS JOIN LATERAL (
      SELECT plan.code, plan.calls_per_day, CASE plan.tokens_overage WHEN 'block' THEN plan.tokens_per_month ELSE plan.tokens_hard_cap END AS tokens_cap
      FROM plan WHERE plan.code = subscription.plan_code
        AND CASE WHEN subscription.plan_version IS NULL THEN plan.effective_from <= clock_timestamp() ELSE plan.version = subscription.plan_version END
      ORDER BY plan.version DESC LIMIT 1
    ) AS plan
    LEFT JOIN LATERAL (
      SELECT spent, held FROM usage_window WHERE account_id = asking.account_id AND kind = 'tokens_month' AND starts_on = period.on_month LIMIT 1
    ) AS month ON true
    LEFT JOIN LATERAL (
      SELECT spent, held FROM usage_window WHERE account_id = asking.account_id AND kind = 'calls_day' AND starts_on = asking.on_day LIMIT 1
    ) AS today ON true
    ORDER BY asking.account_id, asking.on_day
  LOOP
    IF (payer.account_id, payer.on_month) IS DISTINCT FROM (account_before, month_before) THEN
      tokens_used := coalesce(payer.month_spent, 0);
      tokens_held := coalesce(payer.month_held, 0);
    END IF;
    account_before := payer.account_id;
    month_before := payer.on_month;
    calls_held := payer.day_held;
    holds_taken := 0;
    tokens_taken := 0;
    calls_taken := 0;

    FOREACH asked IN ARRAY payer.items LOOP
      is_new_call := NOT asked.is_known_call AND NOT (asked.request_id = ANY (counted));
      ordinal := asked.ordinal;
      tier := payer.code;
      month_start := payer.on_month;
      day := payer.on_day;
      taken_at := asked.at;

      IF asked.is_repeated THEN
        verdict := 'admitted';
        SELECT hold.tier, hold.month_start, hold.day, hold.taken_at INTO tier, month_start, day, taken_at
        FROM hold WHERE hold.call_id = asked.call_id AND hold.attempt_number = asked.attempt_number;
      ELSIF tokens_used + tokens_held + asked.tokens > payer.tokens_cap THEN
        verdict := 'tokens_month';
        used := tokens_used;
        held := tokens_held;
        cap := payer.tokens_cap;
        resets_on := payer.month_end;
      ELSIF is_new_call AND payer.day_spent + calls_held + 1 > payer.calls_per_day THEN
        verdict := 'calls_day';
        used := payer.day_spent;
        held := calls_held;
        cap := payer.calls_per_day;
        resets_on := payer.on_day + 1;
      ELSE
        verdict := 'admitted';
        tokens_held := tokens_held + asked.tokens;
        holds_taken := holds_taken + 1;
        tokens_taken := tokens_taken + asked.tokens;
        admitted := admitted || ROW(asked.call_id, asked.attempt_number, asked.request_id, asked.account_id, asked.user_id,
          payer.code, asked.task, asked.provider, asked.model, asked.price_version_id, asked.tokens, asked.tokens_input, 0,
          payer.on_month, payer.on_day, asked.at, CASE WHEN asked.is_dispatched THEN asked_at END,
          asked_at + asked.lease_ms * interval '1 millisecond')::hold;
        IF is_new_call THEN
          calls_held := calls_held + 1;
          calls_taken := calls_taken + 1;
          counted := counted || asked.request_id;
          new_calls := new_calls || ROW(asked.request_id, asked.account_id, payer.on_day, false)::counted_call;
        END IF;
      END IF;
      RETURN NEXT;
    END LOOP;

    IF holds_taken > 0 THEN
      windows := windows || ROW(payer.account_id, 'tokens_month', payer.on_month, payer.month_end, 0, 0, tokens_taken, payer.tokens_cap)::usage_window;
    END IF;
    IF calls_taken > 0 THEN
      windows := windows || ROW(payer.account_id, 'calls_day', payer.on_day, payer.on_day + 1, 0, 0, calls_taken, payer.calls_per_day)::usage_window;
    END IF;
  END LOOP;

  INSERT INTO hold SELECT * FROM unnest(admitted);
  INSERT INTO counted_call SELECT * FROM unnest(new_calls);
  INSERT INTO usage_window AS counted_window (account_id, kind, starts_on, ends_on, held, cap)
  SELECT taken.account_id, taken.kind, taken.starts_on, taken.ends_on, sum(taken.held), min(taken.cap) FROM unnest(windows) AS taken
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
    WHERE request_id = ANY (array(SELECT unnest(ended_requests) EXCEPT SELECT request_id FROM unnest(spent_calls))) AND NOT is_spent
      AND NOT request_id = ANY (array(SELECT hold.request_id FROM hold WHERE hold.request_id = ANY (ended_requests)))
    RETURNING account_id, day
  ),
  change AS (
    -- counted_call is read as it was before this statement.
    SELECT spent.account_id, spent.day, count(*) AS spent, count(before.request_id) AS freed
    FROM spent LEFT JOIN LATERAL (SELECT request_id FROM counted_call WHERE counted_call.request_id = spent.request_id LIMIT 1) AS before ON true
    GROUP BY 1, 2
    UNION ALL
    SELECT account_id, day, 0, count(*) FROM forgotten GROUP BY 1, 2
  )
  -- A call that was never held (an answer from the cache) may make the window; a call that was held finds it.
  INSERT INTO usage_window AS counted (account_id, kind, starts_on, ends_on, spent, held)
  SELECT account_id, 'calls_day', day, day + 1, sum(spent), sum(freed) FROM change GROUP BY 1, 3 ORDER BY 1, 3
  ON CONFLICT (account_id, kind, starts_on) DO UPDATE SET spent = counted.spent + excluded.spent, held = counted.held - excluded.held;
END
$$;

-- One item of a batch for end_holds: which hold, and the columns of its attempt's row unless nothing was sent (`outcome` is null).
CREATE TYPE "hold_end" AS (ordinal int, key text, counts_call boolean, only_lapsed boolean, call_id uuid, attempt_number smallint,
  request_id uuid, account_id uuid, user_id uuid, tier text, task text, provider text, model text, tokens_input int, tokens_cached int,
  tokens_output int, tokens_reasoning int, usage_source usage_source, outcome attempt_outcome, is_cache_hit boolean, is_counted boolean,
  error_code text, price_version_id bigint, provider_cost_micro_usd bigint, charge_micro_usd bigint, month_start date, day date,
  started_at timestamptz, finished_at timestamptz);

-- Ends holds: with the row of their attempt, or without one when nothing was sent. An item with `only_lapsed` has no
-- effect unless its hold stands and has lapsed. An attempt without a hold is recorded all the same. A row that stands already
-- stays; if it says `lost` and this one knows better, it is taken back and stated anew.
CREATE FUNCTION "end_holds"(batch jsonb) RETURNS TABLE (ordinal int, effect text) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  ends hold_end[] := array(SELECT item FROM jsonb_populate_recordset(NULL::hold_end, batch) AS item);
  ended text[];
  ended_requests uuid[];
  recorded text[];
  restated text[] := '{}';
BEGIN
  PERFORM lock_accounts(array(SELECT account_id FROM unnest(ends)));

  WITH dropped AS (
    DELETE FROM hold
    WHERE call_id = ANY (array(SELECT call_id FROM unnest(ends)))
      AND ((call_id, attempt_number) IN (SELECT call_id, attempt_number FROM unnest(ends) WHERE NOT only_lapsed)
        OR (lease_until < clock_timestamp() AND (call_id, attempt_number) IN (SELECT call_id, attempt_number FROM unnest(ends))))
    RETURNING hold.*
  ),
  freed AS (
    -- Always an update: the window was made with the hold.
    INSERT INTO usage_window AS freed_window (account_id, kind, starts_on, ends_on, held)
    SELECT account_id, 'tokens_month', month_start, month_start, sum(tokens) FROM dropped GROUP BY 1, 3
    ON CONFLICT (account_id, kind, starts_on) DO UPDATE SET held = freed_window.held - excluded.held
  )
  SELECT coalesce(array_agg(call_id || '/' || attempt_number), '{}'), coalesce(array_agg(DISTINCT request_id), '{}')
  INTO ended, ended_requests FROM dropped;

  WITH added AS (
    INSERT INTO usage_attempt (call_id, attempt_number, request_id, account_id, user_id, tier, task, provider, model, tokens_input,
      tokens_cached, tokens_output, tokens_reasoning, usage_source, outcome, is_cache_hit, is_counted, error_code, price_version_id,
      provider_cost_micro_usd, charge_micro_usd, month_start, day, started_at, finished_at, recorded_at)
    SELECT item.call_id, item.attempt_number, item.request_id, item.account_id, item.user_id, coalesce(item.tier, payer.plan_code), item.task,
      item.provider, item.model, item.tokens_input, item.tokens_cached, item.tokens_output, item.tokens_reasoning, item.usage_source,
      item.outcome, item.is_cache_hit, item.is_counted, item.error_code, item.price_version_id, item.provider_cost_micro_usd,
      item.charge_micro_usd, coalesce(item.month_start, usage_month_start(payer.anchor_day, item.day)), item.day, item.started_at,
      item.finished_at, clock_timestamp()
    FROM unnest(ends) AS item
    CROSS JOIN LATERAL (SELECT * FROM subscription WHERE account_id = item.account_id AND ends_at IS NULL LIMIT 1) AS payer
    WHERE item.outcome IS NOT NULL AND (NOT item.only_lapsed OR item.key IN (SELECT unnest(ended)))
    ON CONFLICT DO NOTHING
    RETURNING call_id, attempt_number
  )
  SELECT coalesce(array_agg(call_id || '/' || attempt_number), '{}') INTO recorded FROM added;

  IF cardinality(recorded) < cardinality(ends) THEN
    restated := restate_lost(array(
      SELECT item FROM jsonb_array_elements(batch) AS item
      WHERE item ->> 'outcome' IS NOT NULL AND item ->> 'key' NOT IN (SELECT unnest(recorded))
    ));
  END IF;

  PERFORM settle_calls(array(
    SELECT ROW(item.request_id, item.account_id, item.day, true)::counted_call FROM unnest(ends) AS item
    WHERE item.counts_call AND item.key IN (SELECT unnest(recorded || restated))
  ), ended_requests);

  RETURN QUERY
  SELECT item.ordinal,
    CASE WHEN item.key IN (SELECT unnest(restated)) THEN 'restated'
      WHEN item.key IN (SELECT unnest(recorded)) THEN 'recorded'
      WHEN item.key IN (SELECT unnest(ended)) THEN 'released' ELSE 'none' END
  FROM unnest(ends) AS item CROSS JOIN LATERAL (SELECT FROM account WHERE account.id = item.account_id LIMIT 1) AS known;
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
    CONTINUE WHEN late ->> 'outcome' = 'lost';
    SELECT * INTO lost FROM usage_attempt
    WHERE call_id = (late ->> 'call_id')::uuid AND attempt_number = (late ->> 'attempt_number')::smallint AND entry_number = 0;
    CONTINUE WHEN lost.outcome IS DISTINCT FROM 'lost' OR EXISTS (
      SELECT FROM usage_attempt AS corrected WHERE corrected.call_id = lost.call_id
        AND corrected.attempt_number = lost.attempt_number AND corrected.correction_reason = 'late settlement'
    );
    PERFORM reverse_attempt(lost.call_id, lost.attempt_number, NULL, 'late settlement');
    INSERT INTO usage_attempt
    SELECT * FROM jsonb_populate_record(lost, late || jsonb_build_object(
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

-- To plan each batch anew would cost more than to carry it out.
ALTER FUNCTION "take_holds" SET enable_seqscan = off SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION "end_holds" SET enable_seqscan = off SET plan_cache_mode = force_generic_plan;

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
