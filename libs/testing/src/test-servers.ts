import { randomBytes } from 'node:crypto';
import { Client, escapeIdentifier } from 'pg';
import { isDockerAvailable, startContainers } from './docker.js';
import { startPostgres } from './postgres.js';
import { startRedis } from './redis.js';

export interface TestServers {
  databaseUrl: string;
  redisUrl: string;
  stop(): Promise<void>;
}

/**
 * A Postgres and a Redis for one test run: those of TEST_DATABASE_URL and TEST_REDIS_URL, else Testcontainers where a
 * Docker engine answers, else servers on this machine.
 */
export async function startTestServers(): Promise<TestServers> {
  const { TEST_DATABASE_URL: databaseUrl, TEST_REDIS_URL: redisUrl } = process.env;
  if (databaseUrl && redisUrl) return { databaseUrl, redisUrl, stop: async () => {} };
  if (await isDockerAvailable()) {
    try {
      return await startContainers();
    } catch (error) {
      const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
      process.stderr.write(`Docker answers but cannot run the test servers (${reason}); using local ones.\n`);
    }
  }
  return startLocalServers();
}

async function startLocalServers(): Promise<TestServers> {
  const [postgres, redis] = await Promise.allSettled([startPostgres(), startRedis()]);
  if (postgres.status === 'fulfilled' && redis.status === 'fulfilled') {
    return {
      databaseUrl: postgres.value.url,
      redisUrl: redis.value.url,
      stop: async () => {
        await Promise.all([postgres.value.stop(), redis.value.stop()]);
      },
    };
  }
  for (const server of [postgres, redis]) if (server.status === 'fulfilled') await server.value.stop();
  const reasons: unknown[] = [postgres, redis].flatMap((server) =>
    server.status === 'rejected' ? [server.reason] : [],
  );
  throw reasons[0];
}

/**
 * A database of its own on the server of `adminUrl`, a copy of `templateName` when given. Nobody may be connected to
 * the template meanwhile.
 */
export async function createTestDatabase(
  adminUrl: string,
  templateName?: string,
): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  const template = templateName === undefined ? '' : ` TEMPLATE ${escapeIdentifier(templateName)}`;
  await query(adminUrl, `CREATE DATABASE ${name}${template}`);
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => query(adminUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

async function query(adminUrl: string, statement: string): Promise<void> {
  const url = new URL(adminUrl);
  url.pathname = '/postgres';
  const client = new Client({ connectionString: url.href });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** A database of its own, migrated, on the server of the test run. */
export function newTestDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  return createTestDatabase(variable('TEST_DATABASE_URL'), variable('TEST_DATABASE_TEMPLATE'));
}

/** The Redis of the test run, database 0: for tests whose names are their own. */
export function testRedisUrl(): string {
  return variable('TEST_REDIS_URL');
}

const REDIS_DATABASES_PER_WORKER = 3;
const WORKERS_MAX = 5;
let redisDatabasesUsed = 0;

/**
 * A database of the test run's Redis for services under test: services of the same name on one Redis share their
 * requests. Each Jest worker has three, handed out in turn; number 0 is left to tests that use names of their own.
 */
export function nextRedisUrl(): string {
  const first = 1 + (Number(variable('JEST_WORKER_ID')) % WORKERS_MAX) * REDIS_DATABASES_PER_WORKER;
  const url = new URL(testRedisUrl());
  url.pathname = `/${first + (redisDatabasesUsed++ % REDIS_DATABASES_PER_WORKER)}`;
  return url.href;
}

function variable(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the tests through \`npm test\``);
  return value;
}
