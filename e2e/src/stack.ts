import { spawn, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { newTestDatabase, freePort, nextRedisUrl, startSimulator, type Simulator } from '@tollgate/testing';
import { Client } from 'pg';

const root = join(__dirname, '..', '..');
const READY_WITHIN_MS = 20_000;

export type AppName = 'gateway' | 'text-processing' | 'llm-router';

/** Every app as a process of its own, on real Postgres and Redis, with simulated providers in this process. */
export interface Stack {
  url: string;
  local: Simulator;
  cloud: Simulator;
  apps: Record<AppName, ChildProcess>;
  /** Rows of Postgres, for what no client may see. */
  query<Row extends object>(sql: string, values?: unknown[]): Promise<Row[]>;
  stop(): Promise<void>;
}

export async function startStack(environment: Record<string, string> = {}): Promise<Stack> {
  const database = await newTestDatabase();
  const client = new Client({ connectionString: database.url });
  await client.connect();
  const [local, cloud, port] = await Promise.all([startSimulator(), startSimulator(), freePort()]);
  const shared = {
    ...withoutTestVariables(),
    NODE_ENV: 'production',
    LOG_LEVEL: 'warn',
    HOST: '127.0.0.1',
    DATABASE_URL: database.url,
    REDIS_URL: nextRedisUrl(),
    OLLAMA_BASE_URL: local.url,
    MAVERICK_BASE_URL: `${cloud.url}/v1`,
    MAVERICK_API_KEY: 'simulated',
    JWT_PRIVATE_KEY: newSigningKey(),
    ...environment,
  };
  const apps = {
    'llm-router': startApp('llm-router', { ...shared, PORT: String(await freePort()) }),
    'text-processing': startApp('text-processing', { ...shared, PORT: String(await freePort()) }),
    gateway: startApp('gateway', { ...shared, PORT: String(port) }),
  };
  await Promise.all(Object.values(apps).map(({ ready }) => ready));
  const processes = mapValues(apps, ({ child }) => child);
  return {
    url: `http://127.0.0.1:${port}`,
    local,
    cloud,
    apps: processes,
    query: async <Row extends object>(sql: string, values: unknown[] = []) =>
      (await client.query<Row>(sql, values)).rows,
    async stop() {
      for (const name of ['gateway', 'text-processing', 'llm-router'] as const) await end(processes[name]);
      await Promise.all([client.end(), local.close(), cloud.close()]);
      await database.drop();
    },
  };
}

/** Runs an app to its end, for what it says when it refuses to start. */
export async function runApp(name: AppName, environment: Record<string, string>, ...args: string[]) {
  const child = spawn(process.execPath, [mainOf(name), ...args], {
    cwd: root,
    env: { ...withoutTestVariables(), ...environment },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, output };
}

export function newSigningKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function startApp(name: AppName, env: Record<string, string>) {
  const child = spawn(process.execPath, ['--enable-source-maps', mainOf(name)], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return { child, ready: waitUntilReady(name, `http://127.0.0.1:${env['PORT']}/ready`, child, () => output) };
}

async function waitUntilReady(name: AppName, url: string, child: ChildProcess, output: () => string): Promise<void> {
  const giveUpAt = Date.now() + READY_WITHIN_MS;
  while (Date.now() < giveUpAt && child.exitCode === null) {
    const response = await fetch(url).catch(() => undefined); // Not listening yet.
    if (response?.ok) return;
    await sleep(50);
  }
  throw new Error(`${name} is not ready:\n${output()}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 8_000);
  await once(child, 'exit');
  clearTimeout(timer);
}

function mainOf(name: AppName): string {
  return join(root, 'apps', name, 'dist', 'main.js');
}

/** What an app must not inherit from the test runner or the developer's shell. */
function withoutTestVariables(): Record<string, string> {
  const names = ['PATH', 'HOME', 'TMPDIR', 'LANG'];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

function mapValues<Key extends string, From, To>(record: Record<Key, From>, map: (value: From) => To): Record<Key, To> {
  return Object.fromEntries(Object.entries<From>(record).map(([key, value]) => [key, map(value)])) as Record<Key, To>;
}
