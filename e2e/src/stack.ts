import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  freePort,
  newSigningKey,
  newTestDatabase,
  nextRedisUrl,
  startApp,
  startSimulator,
  type AppProcess,
  type Simulator,
} from '@tollgate/testing';
import { Client } from 'pg';

const appNames = ['gateway', 'text-processing', 'llm-router', 'billing'] as const;
export type AppName = (typeof appNames)[number];

/** Every app as a process of its own, on real Postgres and Redis, with simulated providers in this process. */
export interface Stack {
  url: string;
  local: Simulator;
  cloud: Simulator;
  apps: Record<AppName, ChildProcess>;
  /** Where text-processing keeps its log files. */
  logDir: string;
  /** Rows of Postgres, for what no client may see. */
  query<Row extends object>(sql: string, values?: unknown[]): Promise<Row[]>;
  stop(): Promise<void>;
}

export async function startStack(environment: Record<string, string> = {}): Promise<Stack> {
  const database = await newTestDatabase();
  const client = new Client({ connectionString: database.url });
  await client.connect();
  const logDir = await mkdtemp(join(tmpdir(), 'tollgate-logs-'));
  const [local, cloud] = await Promise.all([startSimulator(), startSimulator()]);
  const shared = {
    NODE_ENV: 'production',
    LOG_LEVEL: 'warn',
    HOST: '127.0.0.1',
    DATABASE_URL: database.url,
    REDIS_URL: nextRedisUrl(),
    OLLAMA_BASE_URL: local.url,
    MAVERICK_BASE_URL: `${cloud.url}/v1`,
    MAVERICK_API_KEY: 'simulated',
    JWT_PRIVATE_KEY: newSigningKey(),
    LLM_LOG_DIR: logDir,
    ...environment,
  };
  const ports = await Promise.all(appNames.map(() => freePort()));
  const started = await Promise.all(
    appNames.map((name, index) => startApp(name, { ...shared, PORT: String(ports[index]) })),
  );
  const processes = Object.fromEntries(appNames.map((name, index) => [name, started[index]])) as Record<
    AppName,
    AppProcess
  >;
  return {
    url: `http://127.0.0.1:${ports[0]}`,
    local,
    cloud,
    logDir,
    apps: Object.fromEntries(appNames.map((name) => [name, processes[name].child])) as Record<AppName, ChildProcess>,
    query: async <Row extends object>(sql: string, values: unknown[] = []) =>
      (await client.query<Row>(sql, values)).rows,
    async stop() {
      for (const name of appNames) await processes[name].stop();
      await Promise.all([client.end(), local.close(), cloud.close()]);
      await Promise.all([database.drop(), rm(logDir, { recursive: true })]);
    },
  };
}
