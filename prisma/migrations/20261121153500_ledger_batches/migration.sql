-- Ends and holds of one moment travel together: one statement, one lock, one commit for both.

-- The lock of an account is a number and no row: nothing is written for it, and it costs a fifth. In the order of the numbers, so
-- that no two transactions wait for each other.
CREATE OR REPLACE FUNCTION "lock_accounts"(ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  account_lock bigint;
BEGIN
  FOR account_lock IN SELECT DISTINCT uuid_hash_extended(id, 7480011536) FROM unnest(ids) AS id ORDER BY 1 LOOP
    PERFORM pg_advisory_xact_lock(account_lock);
  END LOOP;
END
$$;

-- What has ended makes room for what is asked for. Rows of both kinds: `effect` of an end, or the verdict on a request.
CREATE FUNCTION "end_and_take_holds"(ends jsonb, requests jsonb)
RETURNS TABLE (ordinal int, effect text, verdict text, used bigint, held bigint, cap bigint, resets_on date, tier text, month_start date, day date, taken_at timestamptz)
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM lock_accounts(array(SELECT (item ->> 'account_id')::uuid FROM jsonb_array_elements(ends || requests) AS item));
  RETURN QUERY SELECT ended.ordinal, ended.effect, NULL::text, NULL::bigint, NULL::bigint, NULL::bigint, NULL::date, NULL::text, NULL::date, NULL::date,
    NULL::timestamptz FROM end_holds(ends) AS ended;
  RETURN QUERY SELECT taken.ordinal, NULL::text, taken.verdict, taken.used, taken.held, taken.cap, taken.resets_on, taken.tier, taken.month_start,
    taken.day, taken.taken_at FROM take_holds(requests) AS taken;
END
$$;
