import { randomUUID } from 'node:crypto';
import { cp, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { diffFromMigrations } from '../src/create-migration.js';
import { Database, migrate, PlanOverage } from '../src/index.js';
import { migrationsDirDefault } from '../src/package-files.mjs';

// Makes its databases itself: libs/testing hands out ones that are migrated already, and depends on this lib.

const adminUrl = process.env['TEST_DATABASE_URL'] ?? '';
const names: string[] = [];

afterAll(async () => {
  for (const name of names) await query(adminUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
});

describe('migrate', () => {
  it('applies every migration to an empty database, and none a second time', async () => {
    const url = await newEmptyDatabase();
    const first = await migrate(url);
    expect(first.applied[0]).toMatch(/^\d{14}_init$/);
    expect(await migrate(url)).toEqual({ applied: [] });
    const finished =
      'SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL ORDER BY migration_name';
    const { rows } = await query(url, finished);
    expect(rows.map((row) => row['migration_name'])).toEqual(first.applied);
  });

  it('applies each migration once when several processes start at the same time', async () => {
    const url = await newEmptyDatabase();
    const results = await Promise.all([migrate(url), migrate(url), migrate(url)]);
    const applied = results.flatMap((result) => result.applied);
    expect(applied).not.toHaveLength(0);
    expect(new Set(applied).size).toBe(applied.length);
  });

  it('leaves nothing behind of a migration that fails, says which and why, and applies it once it is corrected', async () => {
    const url = await newEmptyDatabase();
    const migrationsDir = await mkdtemp(join(tmpdir(), 'tollgate-migrations-'));
    const brokenFile = join(migrationsDir, '99990101000000_broken', 'migration.sql');
    await cp(migrationsDirDefault, migrationsDir, { recursive: true });
    await mkdir(dirname(brokenFile));
    await writeFile(brokenFile, 'CREATE TABLE a (); DROP TABLE b;');
    await expect(migrate(url, { migrationsDir })).rejects.toThrow(
      'Migration 99990101000000_broken failed and was rolled back: No such table: b',
    );
    expect((await query(url, "SELECT to_regclass('a') AS a")).rows).toEqual([{ a: null }]);
    await writeFile(brokenFile, 'CREATE TABLE a ();');
    expect(await migrate(url, { migrationsDir })).toEqual({ applied: ['99990101000000_broken'] });
  });

  it('names host and port of a database that it cannot reach, and not the password', async () => {
    const port = await unusedPort();
    const failure = migrate(`postgresql://someone:pa55word@127.0.0.1:${port}/tollgate`);
    await expect(failure).rejects.toThrow(`Cannot connect to the database at 127.0.0.1:${port}: `);
    await expect(failure).rejects.not.toThrow(/pa55word|\n/);
  });
});

describe('the migrations', () => {
  it('lead exactly to schema.prisma', async () => {
    expect(await diffFromMigrations(adminUrl, migrationsDirDefault)).toBe('');
  });

  it.each([
    ['UPDATE', 'UPDATE usage_attempt SET tokens_output = 0'],
    ['DELETE', 'DELETE FROM usage_attempt'],
    ['TRUNCATE', 'TRUNCATE usage_attempt'],
    ['DELETE in a partition', 'DELETE FROM usage_attempt_default'],
  ])('refuse %s on the ledger', async (_, statement) => {
    const url = await newMigratedDatabase();
    await expect(query(url, statement)).rejects.toThrow(
      /on usage_attempt(_default)? is refused: the ledger is append-only/,
    );
  });

  it('refuse an e-mail that is not in lower case', async () => {
    const url = await newMigratedDatabase();
    const [accountId, userId] = [randomUUID(), randomUUID()];
    await query(url, `INSERT INTO account (id, plan_code) VALUES ('${accountId}', 'free')`);
    const insert = `INSERT INTO app_user (id, account_id, email, password_hash, updated_at)
      VALUES ('${userId}', '${accountId}', 'Ada@example.com', '', now())`;
    await expect(query(url, insert)).rejects.toThrow(/app_user_email_lower_case/);
  });
});

describe('Database', () => {
  it('reads bigint columns as bigint, exactly', async () => {
    const database = new Database({ url: await newMigratedDatabase() });
    const tokensPerMonth = 2n ** 53n + 1n;
    const plan = await database.plan.create({
      data: {
        code: 'pro',
        version: 1,
        tokensPerMonth,
        tokensOverage: PlanOverage.bill,
        tokensHardCap: tokensPerMonth,
        callsPerDay: 1,
        requestsPerMinute: 1,
        concurrentRequests: 1,
        maxOutputTokens: 1,
        effectiveFrom: new Date(),
      },
    });
    expect(plan.tokensPerMonth).toBe(tokensPerMonth);
    const highest = await database.$queryRaw`SELECT max(tokens_per_month) AS tokens FROM plan`;
    expect(highest).toEqual([{ tokens: tokensPerMonth }]);
    await database.onApplicationShutdown();
  });

  it('answers a ping, and fails it in time when Postgres accepts connections but does not answer', async () => {
    const database = new Database({ url: adminUrl });
    await expect(database.ping()).resolves.toBeUndefined();
    await database.onApplicationShutdown();

    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket));
    const port = await new Promise<number>((resolve) => {
      silent.listen(0, '127.0.0.1', () => resolve(portOf(silent.address())));
    });
    const hung = new Database({ url: `postgresql://someone@127.0.0.1:${port}/tollgate` });
    await expect(hung.ping(50)).rejects.toThrow('Postgres did not answer within 50 ms');
    for (const socket of sockets) socket.destroy();
    silent.close();
    await hung.onApplicationShutdown();
  });
});

async function newEmptyDatabase(): Promise<string> {
  const name = `migrate_${randomUUID().replaceAll('-', '')}`;
  names.push(name);
  await query(adminUrl, `CREATE DATABASE ${name}`);
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return url.href;
}

async function newMigratedDatabase(): Promise<string> {
  const url = await newEmptyDatabase();
  await migrate(url);
  return url;
}

async function query(url: string, statement: string): Promise<pg.QueryResult<Record<string, unknown>>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await client.query(statement);
  } finally {
    await client.end();
  }
}

function unusedPort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const port = portOf(server.address());
      server.close(() => resolve(port));
    });
  });
}

function portOf(address: ReturnType<ReturnType<typeof createServer>['address']>): number {
  if (address === null || typeof address === 'string') throw new Error('The server does not listen on a port');
  return address.port;
}
