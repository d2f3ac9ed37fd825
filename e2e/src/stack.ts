import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
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

const appNames = ['gateway', 'text-processing', 'chat', 'log-analysis', 'llm-router', 'billing'] as const;
export type AppName = (typeof appNames)[number];

/** Every app as a process of its own, on real Postgres and Redis, with simulated providers in this process. */
export interface Stack {
  url: string;
  local: Simulator;
  cloud: Simulator;
  apps: Record<AppName, ChildProcess>;
  ports: Record<AppName, number>;
  /** Starts one more process of an app; its replicas share the requests. */
  startReplica(app: AppName): Promise<AppProcess>;
  /** What every app was started with, for another replica of one: it needs a PORT of its own. */
  environment: Record<string, string>;
  /** Where text-processing keeps its log files. */
  logDir: string;
  /** Ends the app at once and starts it again, on the same port. */
  killAndRestart(name: AppName): Promise<void>;
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
    // A client of a test asks more often than a person; tests of the limits switch them on.
    RATE_LIMIT_ENABLED: 'false',
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
  const replicas: AppProcess[] = [];
  const environmentOf = (name: AppName) => ({ ...shared, PORT: String(ports[appNames.indexOf(name)]) });
  return {
    url: `http://127.0.0.1:${ports[0]}`,
    local,
    cloud,
    environment: shared,
    ports: Object.fromEntries(appNames.map((name, index) => [name, ports[index]])) as Record<AppName, number>,
    logDir,
    apps: Object.fromEntries(appNames.map((name) => [name, processes[name].child])) as Record<AppName, ChildProcess>,
    startReplica: async (name) => {
      const replica = await startApp(name, { ...shared, PORT: String(await freePort()) });
      replicas.push(replica);
      return replica;
    },
    async killAndRestart(name) {
      const { child } = processes[name];
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      processes[name] = await startApp(name, environmentOf(name));
    },
    query: async <Row extends object>(sql: string, values: unknown[] = []) =>
      (await client.query<Row>(sql, values)).rows,
    async stop() {
      for (const name of appNames) await processes[name].stop();
      for (const replica of replicas) await replica.stop();
      await Promise.all([client.end(), local.close(), cloud.close()]);
      await Promise.all([database.drop(), rm(logDir, { recursive: true })]);
    },
  };
}
