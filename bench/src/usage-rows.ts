import type { Client } from 'pg';

export const DAYS = 90;
const ACCOUNTS = 500;
const ROWS_AT_ONCE = 500_000;

export interface UsageRows {
  count: number;
  /** Unix seconds; the rows lie evenly in the `DAYS` before. */
  until: number;
}

/**
 * A ledger as after three months: 500 accounts of two users, of which few do most, five models, six tasks. Written past the
 * triggers, which would take an hour for ten million rows, and then rolled up by the very sums that they keep; in the order of
 * time, in which a ledger grows.
 */
export async function writeUsage(client: Client, { count, until }: UsageRows): Promise<void> {
  await client.query('SET session_replication_role = replica');
  await client.query(`SET synchronous_commit = off; SET maintenance_work_mem = '512MB'; SET work_mem = '512MB'`);
  // Filled one by one, indexes of random ids take most of the time.
  await client.query(`DROP INDEX usage_attempt_request_id_idx, usage_attempt_account_id_finished_at_idx, usage_rollup_grain_starts_at_idx;
    ALTER TABLE usage_attempt DROP CONSTRAINT usage_attempt_pkey`);
  await client.query(accounts);
  await client.query(partitions(until));
  for (let written = 0; written < count; written += ROWS_AT_ONCE) {
    const share = Math.min(ROWS_AT_ONCE, count - written) / count;
    await client.query(attempts, [share * count, until, written / count, share]);
  }
  await client.query(rollups);
  await client.query(`ALTER TABLE usage_attempt ADD CONSTRAINT usage_attempt_pkey PRIMARY KEY (call_id, attempt_number, entry_number);
    CREATE INDEX usage_attempt_account_id_finished_at_idx ON usage_attempt (account_id, finished_at);
    CREATE INDEX usage_attempt_request_id_idx ON usage_attempt (request_id)`);
  await client.query('CREATE INDEX usage_rollup_grain_starts_at_idx ON usage_rollup (grain, starts_at)');
  await client.query('RESET ALL');
  await client.query('SET session_replication_role = origin');
  await client.query('VACUUM ANALYZE usage_attempt, usage_rollup');
}

/** What was written before, if anything was. */
export async function findUsage(client: Client): Promise<UsageRows | undefined> {
  // Ids begin with the milliseconds of their time.
  const { rows } = await client.query<{ last: string; count: string }>(`
    SELECT (SELECT call_id FROM usage_attempt ORDER BY call_id DESC LIMIT 1) AS last,
      (SELECT sum(attempts) FROM usage_rollup WHERE grain = 'day') AS count`);
  const [found] = rows;
  if (!found?.last) return undefined;
  const lastMs = Number.parseInt(found.last.replace('-', '').slice(0, 12), 16);
  return { count: Number(found.count), until: Math.ceil(lastMs / 1_000) };
}

const accountId = (number: string) => `('00000000-0000-7000-8000-' || lpad(to_hex(${number}), 12, '0'))::uuid`;
const userId = (number: string, user: string) =>
  `('00000000-0000-7000-9000-' || lpad(to_hex(${number} * 2 + ${user}), 12, '0'))::uuid`;

const accounts = `
  WITH numbers AS (SELECT generate_series(0, ${ACCOUNTS - 1}) AS number),
    made AS (INSERT INTO account (id, plan_code) SELECT ${accountId('number')}, 'pro' FROM numbers)
  INSERT INTO app_user (id, account_id, email, password_hash, role, updated_at)
  SELECT ${userId('number', 'second')}, ${accountId('number')}, number || '-' || second || '@bench.example', 'none', 'user', now()
  FROM numbers CROSS JOIN generate_series(0, 1) AS second`;

/** The migration makes those of this month and later ones. */
function partitions(until: number): string {
  return `DO $$ DECLARE month date; BEGIN
    FOR month IN SELECT generate_series(date_trunc('month', to_timestamp(${until}) - interval '${DAYS} days'), to_timestamp(${until}), interval '1 month')
    LOOP
      IF to_regclass('usage_attempt_' || to_char(month, 'YYYY_MM')) IS NULL THEN
        EXECUTE format('CREATE TABLE %I PARTITION OF usage_attempt FOR VALUES FROM (%L) TO (%L)',
          'usage_attempt_' || to_char(month, 'YYYY_MM'), first_call_id(month), first_call_id((month + interval '1 month')::date));
      END IF;
    END LOOP; END $$`;
}

const attempts = `
  INSERT INTO usage_attempt (call_id, attempt_number, request_id, account_id, user_id, tier, task, provider, model, tokens_input,
    tokens_cached, tokens_output, usage_source, outcome, is_counted, price_version_id, provider_cost_micro_usd,
    charge_micro_usd, month_start, day, started_at, finished_at)
  SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || substr(md5(random()::text), 1, 20))::uuid, 1,
    gen_random_uuid(), ${accountId('number')}, ${userId('number', 'second')}, CASE WHEN number % 10 = 0 THEN 'pro' ELSE 'free' END,
    (ARRAY['summary', 'translate', 'rephrase', 'chat', 'analysis', 'query'])[1 + (number + (draw * 3)::int) % 6],
    CASE WHEN number % 5 < 2 THEN 'cloud' ELSE 'ollama' END,
    'model-' || (number + (draw * 1.4)::int) % 5, 500 + number % 100, 0, 100, 'provider', 'completed', true, 1, 60, 120,
    date_trunc('month', at)::date, at::date, at, at + interval '2 seconds'
  FROM (
    SELECT floor(power(random(), 3) * ${ACCOUNTS})::int AS number, (random() < 0.3)::int AS second, random() AS draw,
      (to_timestamp($2) - (1 - $3::float - random() * $4::float) * interval '${DAYS} days')::timestamptz(3) AS at
    FROM generate_series(1, $1::int)
    ORDER BY at
  ) AS drawn`;

const rollups = `
  INSERT INTO usage_rollup
  SELECT grain, date_trunc(grain::text, started_at, 'UTC'), account_id, user_id, tier, provider, model, task,
    count(*), 0, 0, sum(tokens_input), sum(tokens_cached), sum(tokens_output), sum(tokens_reasoning),
    sum(tokens_input + tokens_output), sum(provider_cost_micro_usd), sum(charge_micro_usd)
  FROM usage_attempt CROSS JOIN unnest(enum_range(NULL::rollup_grain)) AS grain
  GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
  ORDER BY 1, 2`;
