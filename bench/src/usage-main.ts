// `pnpm bench:usage [--quick] [--rows 10000000] [--data DIR [--write-only]]`; see the README.
import { createTestDatabase, freePort, newSigningKey, startApp, startPostgres, startRedis } from '@tollgate/testing';
import { migrate } from '@tollgate/database';
import { Client } from 'pg';
import { parseArgs } from 'node:util';
import { quantile, rounded } from './statistics.js';
import { ask } from './usage-requests.js';
import { DAYS, findUsage, writeUsage } from './usage-rows.js';

const EMAIL = 'admin@bench.example';
const PASSWORD = 'the bench password';
/** Of the busiest account. */
const ACCOUNT = '00000000-0000-7000-8000-000000000000';

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rows: { type: 'string' },
    data: { type: 'string' },
    'write-only': { type: 'boolean', default: false },
  },
});
const rounds = flags.quick ? 20 : 40;

const [postgres, redis] = await Promise.all([
  flags.data === undefined ? startPostgres() : startPostgres({ dataDir: flags.data, persistent: true }),
  startRedis(),
]);
try {
  const databaseUrl = flags.data === undefined ? (await createTestDatabase(postgres.url)).url : postgres.url;
  await measure(databaseUrl);
} finally {
  await Promise.all([postgres.stop(), redis.stop()]);
}

async function measure(databaseUrl: string): Promise<void> {
  await migrate(databaseUrl);
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const written = (await findUsage(client)) ?? (await write(client));
    // As billing does, every ten minutes.
    await client.query('SELECT advance_usage_totals()');
    if (!flags['write-only']) await askGateway(databaseUrl, client, written);
  } finally {
    await client.end();
  }
}

interface Written {
  count: number;
  /** Unix seconds. */
  until: number;
}

async function write(client: Client): Promise<Written> {
  const rows = {
    count: Number(flags.rows ?? (flags.quick ? 200_000 : 10_000_000)),
    until: Math.floor(Date.now() / 1_000),
  };
  const startedAt = performance.now();
  await writeUsage(client, rows);
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  console.log(`${rows.count} attempts in ${DAYS} days, written in ${seconds} s`);
  return rows;
}

async function askGateway(databaseUrl: string, client: Client, { count, until }: Written): Promise<void> {
  const port = String(await freePort());
  const gateway = await startApp('gateway', {
    PORT: port,
    HOST: '127.0.0.1',
    LOG_LEVEL: 'warn',
    DATABASE_URL: databaseUrl,
    REDIS_URL: redis.url,
    JWT_PRIVATE_KEY: newSigningKey(),
    DEMO_USER_EMAIL: EMAIL,
    DEMO_USER_PASSWORD: PASSWORD,
    RATE_LIMIT_ENABLED: 'false',
  });
  try {
    await client.query(`UPDATE app_user SET role = 'admin', account_id = $1 WHERE email = $2`, [ACCOUNT, EMAIL]);
    const { rows } = await client.query<{ rollups: string }>('SELECT count(*) AS rollups FROM usage_rollup');
    const rollups = Number(rows[0]?.rollups);
    console.log(`${count} attempts, ${rollups} rollups`);
    const url = `http://127.0.0.1:${port}`;
    const bearer = await login(url);
    await ask(url, bearer, { rounds: 2, until });
    const { answered, allMs } = await ask(url, bearer, { rounds, until });
    console.table(Object.fromEntries(answered.map(({ name, ...ms }) => [name, mapValues(ms)])), [
      'p50Ms',
      'p95Ms',
      'maxMs',
    ]);
    console.log(
      JSON.stringify({
        rows: count,
        rollups,
        p50Ms: rounded(quantile(allMs, 0.5)),
        p95Ms: rounded(quantile(allMs, 0.95)),
        worstP95Ms: rounded(Math.max(...answered.map(({ p95Ms }) => p95Ms))),
      }),
    );
  } finally {
    await gateway.stop();
  }
}

async function login(url: string): Promise<string> {
  const response = await fetch(`${url}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: EMAIL, password: PASSWORD }),
  });
  const [, token] = /"access_token":"([^"]+)"/.exec(await response.text()) ?? [];
  if (!token) throw new Error(`login: ${response.status}`);
  return token;
}

function mapValues(figures: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, rounded(value)]));
}
