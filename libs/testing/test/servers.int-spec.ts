import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { createTestDatabase, startPostgres, startRedis, startTestServers, type TestServers } from '../src/index.js';
import { ask } from '../src/server-process.js';

// initdb and, on a machine without Redis, its installation take their time.
jest.setTimeout(120_000);

async function query(url: string, statement: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}

describe('servers that keep their data', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tollgate-servers-'));
    // Postgres may run as another account than we do.
    await chmod(folder, 0o755);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('a persistent Postgres has its rows after stop and start', async () => {
    const options = { dataDir: join(folder, 'postgres'), persistent: true };
    const first = await startPostgres(options);
    await query(first.url, 'CREATE TABLE kept (value int)');
    await query(first.url, 'INSERT INTO kept VALUES (42)');
    await first.stop();

    const second = await startPostgres(options);
    await expect(query(second.url, 'SELECT value FROM kept')).resolves.toEqual([{ value: 42 }]);
    await second.stop();
  });

  it('Postgres starts while the server of a killed launcher still runs on the same data', async () => {
    const options = { dataDir: join(folder, 'postgres'), persistent: true };
    const left = await startPostgres(options);
    await query(left.url, 'CREATE TABLE kept (value int)');

    const next = await startPostgres(options);
    await expect(query(next.url, 'SELECT value FROM kept')).resolves.toEqual([]);
    await expect(query(left.url, 'SELECT 1')).rejects.toThrow();
    await next.stop();
    await left.stop();
  });

  it('Postgres starts over a pid file whose number belongs to another process', async () => {
    const options = { dataDir: join(folder, 'postgres'), persistent: true };
    await (await startPostgres(options)).stop();
    await writeFile(join(options.dataDir, 'postmaster.pid'), `${process.pid}\n${options.dataDir}\n`);

    const server = await startPostgres(options);
    await expect(query(server.url, 'SELECT 1 AS up')).resolves.toEqual([{ up: 1 }]);
    await server.stop();
  });

  it('Postgres starts after an initialisation that was interrupted', async () => {
    const dataDir = join(folder, 'postgres');
    await mkdir(join(`${dataDir}.unfinished`, 'base'), { recursive: true });
    await mkdir(dataDir);

    const server = await startPostgres({ dataDir, persistent: true });
    await expect(query(server.url, 'SHOW server_encoding')).resolves.toEqual([{ server_encoding: 'UTF8' }]);
    await server.stop();
    expect(existsSync(`${dataDir}.unfinished`)).toBe(false);
  });

  it('a persistent Redis has its keys after stop and start, and after one that was left running', async () => {
    const options = { dir: join(folder, 'redis'), persistent: true };
    const first = await startRedis(options);
    await ask(first.port, 'SET kept 42\r\n');
    await first.stop();

    const second = await startRedis(options);
    await expect(ask(second.port, 'GET kept\r\n')).resolves.toBe('$2\r\n42\r\n');
    const third = await startRedis(options);
    await expect(ask(third.port, 'GET kept\r\n')).resolves.toBe('$2\r\n42\r\n');
    await expect(ask(second.port, 'PING\r\n')).resolves.toBeUndefined();
    await third.stop();
  });

  it('a server that dies says so, and can still be stopped', async () => {
    const dir = join(folder, 'redis');
    const server = await startRedis({ dir, persistent: true });
    process.kill(Number(await readFile(join(dir, 'redis.pid'), 'utf8')), 'SIGKILL');
    await expect(server.ended).resolves.toBe('SIGKILL');
    await server.stop();
  });
});

describe('servers of a test run', () => {
  let servers: TestServers;

  beforeAll(async () => {
    servers = await startTestServers();
  });
  afterAll(() => servers.stop());

  it('Redis answers', async () => {
    await expect(ask(Number(new URL(servers.redisUrl).port), 'PING\r\n')).resolves.toBe('+PONG\r\n');
  });

  it('databases made from one template see the rows of the template and not those of each other', async () => {
    const template = await createTestDatabase(servers.databaseUrl);
    await query(template.url, 'CREATE TABLE seen (value int)');
    await query(template.url, 'INSERT INTO seen VALUES (1)');
    const templateName = new URL(template.url).pathname.slice(1);
    const [one, other] = await Promise.all([
      createTestDatabase(servers.databaseUrl, templateName),
      createTestDatabase(servers.databaseUrl, templateName),
    ]);
    await query(one.url, 'INSERT INTO seen VALUES (2)');

    await expect(query(one.url, 'SELECT value FROM seen ORDER BY value')).resolves.toEqual([
      { value: 1 },
      { value: 2 },
    ]);
    await expect(query(other.url, 'SELECT value FROM seen')).resolves.toEqual([{ value: 1 }]);
    await Promise.all([template.drop(), one.drop(), other.drop()]);
    await expect(query(one.url, 'SELECT 1')).rejects.toThrow('does not exist');
  });
});
