import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate } from '@tollgate/database';
import {
  freePort,
  newSigningKey,
  startApp,
  startPostgres,
  startRedis,
  startSimulator,
  type AppProcess,
  type RunningServer,
  type Simulator,
} from '@tollgate/testing';

const apps = ['gateway', 'text-processing', 'llm-router', 'llm-router', 'billing', 'billing'] as const;
export const killable = ['gateway', 'llm-router', 'billing', 'postgres', 'redis'] as const;
export type Killable = (typeof killable)[number];

export const user = { email: 'chaos@tollgate.local', password: 'chaos-and-order' };
const HOLD_LEASE_MS = 3_000;
const STARTS_MAX = 3;

interface Member {
  name: Killable | 'text-processing';
  pid: () => Promise<number>;
  start: () => Promise<void>;
  stop: () => Promise<void>;
}

/** The whole product as processes that may be killed and come back, with one simulated provider in this process. */
export class ChaosStack {
  private readonly members: Member[] = [];

  private constructor(
    readonly gatewayUrl: string,
    readonly databaseUrl: string,
    readonly simulator: Simulator,
    private readonly folder: string,
  ) {}

  static async start(): Promise<ChaosStack> {
    const folder = await mkdtemp(join(tmpdir(), 'tollgate-chaos-'));
    const [postgresPort, redisPort] = [await freePort(), await freePort()];
    const postgres = server('postgres', join(folder, 'postgres', 'postmaster.pid'), () =>
      startPostgres({ dataDir: join(folder, 'postgres'), port: postgresPort, persistent: true }),
    );
    const redis = server('redis', join(folder, 'redis', 'redis.pid'), () =>
      startRedis({ dir: join(folder, 'redis'), port: redisPort, persistent: true }),
    );
    const [databaseUrl, redisUrl] = [await postgres.open(), await redis.open()];
    await migrate(databaseUrl);
    const simulator = await startSimulator({ tokensPerSecond: 400, firstTokenMs: 20 });
    const environment = {
      NODE_ENV: 'production',
      LOG_LEVEL: 'fatal',
      HOST: '127.0.0.1',
      DATABASE_URL: databaseUrl,
      REDIS_URL: redisUrl,
      OLLAMA_BASE_URL: simulator.url,
      JWT_PRIVATE_KEY: newSigningKey(),
      ACCESS_TOKEN_TTL_SECONDS: '86400',
      RATE_LIMIT_ENABLED: 'false',
      PRO_TIER_LIMITS: JSON.stringify({ max_llm_tokens_per_month: 1_000_000_000, max_api_calls_per_day: 1_000_000 }),
      DEMO_USER_EMAIL: user.email,
      DEMO_USER_PASSWORD: user.password,
      PROBE_INTERVAL_MS: '500',
      HOLD_LEASE_MS: String(HOLD_LEASE_MS),
      LAPSED_HOLDS_INTERVAL_MS: '500',
    };
    const gatewayPort = await freePort();
    const stack = new ChaosStack(`http://127.0.0.1:${gatewayPort}`, databaseUrl, simulator, folder);
    stack.members.push(postgres, redis);
    const members = await Promise.all(
      apps.map(async (name) => {
        const port = name === 'gateway' ? gatewayPort : await freePort();
        return app(name, { ...environment, PORT: String(port) });
      }),
    );
    stack.members.push(...members);
    await Promise.all(members.map((member) => member.start()));
    return stack;
  }

  /** Kills one of that name at once, and brings it back. Rejects when it does not come back. */
  async kill(name: Killable, choice: number): Promise<void> {
    const candidates = this.members.filter((member) => member.name === name);
    const member = candidates[Math.floor(choice * candidates.length)];
    if (!member) throw new Error(`there is no ${name} to kill`);
    process.kill(await member.pid(), 'SIGKILL');
    await member.stop();
    await startAgain(member);
  }

  async stop(): Promise<void> {
    for (const member of this.members.toReversed()) await member.stop();
    await this.simulator.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** As whoever supervises it would: one that cannot start while a database recovers is started once more. */
async function startAgain(member: Member): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await member.start();
    } catch (error) {
      if (attempt === STARTS_MAX) throw error;
    }
  }
}

function app(name: (typeof apps)[number], environment: Record<string, string>): Member {
  let running: AppProcess | undefined;
  return {
    name,
    pid: () => Promise.resolve(running?.child.pid ?? NaN),
    start: async () => {
      running = await startApp(name, environment);
    },
    stop: async () => running?.stop(),
  };
}

/** A database, which starts again on the same port with the same data. */
function server(name: Killable, pidFile: string, start: () => Promise<RunningServer>) {
  let running: RunningServer | undefined;
  return {
    name,
    pid: async () => Number.parseInt(await readFile(pidFile, 'utf8'), 10),
    start: async () => {
      running = await start();
    },
    open: async () => {
      running = await start();
      return running.url;
    },
    stop: async () => running?.stop(),
  };
}
