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

const allServices = ['text-processing', 'chat', 'log-analysis', 'llm-router', 'billing'] as const;
export type AppName = 'gateway' | (typeof allServices)[number];

/** Apps as processes of their own, on real Postgres and Redis, with simulated providers in this process. */
export interface Stack {
  url: string;
  local: Simulator;
  cloud: Simulator;
  /** Every process but the replicas. */
  processes(): ChildProcess[];
  /** @throws Error when the stack has no such app */
  processOf(app: AppName): ChildProcess;
  /** Starts one more process of an app; its replicas share the requests. */
  startReplica(app: AppName): Promise<AppProcess>;
  /** What every app was started with, for another replica of one: it needs a PORT of its own. */
  environment: Record<string, string>;
  /** Where text-processing keeps its log files. */
  logDir: string;
  /** Ends the app at once and starts it again, on the same port. */
  killAndRestart(app: AppName): Promise<void>;
  /** Rows of Postgres, for what no client may see. */
  query<Row extends object>(sql: string, values?: unknown[]): Promise<Row[]>;
  stop(): Promise<void>;
}

/**
 * @param environment beside what every app needs
 * @param services the apps beside the gateway; fewer start sooner
 */
export async function startStack(
  environment: Record<string, string> = {},
  services: readonly Exclude<AppName, 'gateway'>[] = allServices,
): Promise<Stack> {
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
  const start = async (name: AppName, port: number) => startApp(name, { ...shared, PORT: String(port) });
  const names: AppName[] = ['gateway', ...services];
  const ports = new Map(await Promise.all(names.map(async (name) => [name, await freePort()] as const)));
  const started = new Map(
    await Promise.all([...ports].map(async ([name, port]) => [name, await start(name, port)] as const)),
  );
  const replicas: AppProcess[] = [];
  const processOf = (name: AppName) => {
    const app = started.get(name);
    if (!app) throw new Error(`This stack has no ${name}.`);
    return app.child;
  };
  return {
    url: `http://127.0.0.1:${ports.get('gateway')}`,
    local,
    cloud,
    environment: shared,
    logDir,
    processOf,
    processes: () => [...started.values()].map(({ child }) => child),
    startReplica: async (name) => {
      const replica = await start(name, await freePort());
      replicas.push(replica);
      return replica;
    },
    async killAndRestart(name) {
      const child = processOf(name);
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      started.set(name, await start(name, ports.get(name) ?? (await freePort())));
    },
    query: async <Row extends object>(sql: string, values: unknown[] = []) =>
      (await client.query<Row>(sql, values)).rows,
    async stop() {
      // The gateway first: what it still serves needs the others.
      for (const app of [...started.values(), ...replicas]) await app.stop();
      await Promise.all([client.end(), local.close(), cloud.close()]);
      await Promise.all([database.drop(), rm(logDir, { recursive: true })]);
    },
  };
}
