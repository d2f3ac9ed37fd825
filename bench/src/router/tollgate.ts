import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate } from '@tollgate/database';
import { freePort, newSigningKey, quickNodeFlags, startApp, type AppProcess } from '@tollgate/testing';
import { Client } from 'pg';

export interface Tollgate {
  url: string;
  accessToken: string;
  /** Of its two processes. */
  pids: { gateway: number; 'llm-router': number };
  /** Profiles both processes from one call to the next; needs `profileDir`. */
  toggleProfile: () => void;
  stop(): Promise<void>;
}

export interface TollgateOptions {
  databaseUrl: string;
  redisUrl: string;
  providerUrl: string;
  /** Where both processes leave their CPU profiles. */
  profileDir?: string | undefined;
}

const NO_LIMIT = 1_000_000_000;

/** Limits are checked, and so high that no request of the bench is refused. */
const plan = `
    tokens_per_month: ${NO_LIMIT}
    tokens_overage: bill
    tokens_hard_cap: ${NO_LIMIT}
    calls_per_day: ${NO_LIMIT}
    requests_per_minute: ${NO_LIMIT}
    concurrent_requests: 100000
    max_output_tokens: 8192`;

const models = (providerUrl: string) => `
default_model: llama-4-maverick
providers:
  maverick: { kind: maverick, location: cloud, base_url: '${providerUrl}', api_key: simulated, connections: 64 }
models:
  - id: llama-4-maverick
    provider: maverick
    upstream_name: meta-llama/Llama-4-Maverick-8B-Instruct
    context_length: 131072
    tokenizer: llama3
    tiers: [pro]
    cost: { input: 200000, cached_input: 100000, output: 600000 }
`;

/** Gateway and llm-router as processes of their own, and the access token of a user with the pro plan. */
export async function startTollgate(options: TollgateOptions): Promise<Tollgate> {
  await migrate(options.databaseUrl);
  const configDir = await mkdtemp(join(tmpdir(), 'tollgate-bench-config-'));
  const plansFile = join(configDir, 'plans.yaml');
  await writeFile(plansFile, `plans:\n  free:${plan}\n  pro:${plan}\n`);
  const modelsFile = join(configDir, 'models.yaml');
  await writeFile(modelsFile, models(options.providerUrl));
  const environment = {
    NODE_ENV: 'production',
    LOG_LEVEL: 'warn',
    HOST: '127.0.0.1',
    DATABASE_URL: options.databaseUrl,
    REDIS_URL: options.redisUrl,
    JWT_PRIVATE_KEY: newSigningKey(),
    PLANS_FILE: plansFile,
    RATE_LIMIT_REQUESTS: String(NO_LIMIT),
    MODELS_FILE: modelsFile,
    REPLICA_SLOTS: '1024',
    MAX_CONCURRENT_REQUESTS: '1024',
  };
  const profiling = options.profileDir ? ['--import', import.meta.resolve('./profile-on-signal.js')] : [];
  const apps: AppProcess[] = [];
  const start = async (name: string) => {
    const port = await freePort();
    const profileFile = join(options.profileDir ?? configDir, `${name}.cpuprofile`);
    apps.push(
      await startApp(name, { ...environment, PORT: String(port), PROFILE_FILE: profileFile }, [
        ...quickNodeFlags,
        ...profiling,
      ]),
    );
    return `http://127.0.0.1:${port}`;
  };
  const toggleProfile = () => {
    for (const { child } of apps) child.kill('SIGUSR2');
  };
  const stop = async () => {
    for (const app of apps.reverse()) await app.stop();
    await rm(configDir, { recursive: true });
  };
  try {
    await start('llm-router');
    const url = await start('gateway');
    const [router = NaN, gateway = NaN] = apps.map(({ child }) => child.pid);
    return {
      url,
      pids: { gateway, 'llm-router': router },
      accessToken: await newProToken(url, options.databaseUrl),
      toggleProfile,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function newProToken(url: string, databaseUrl: string): Promise<string> {
  const credentials = { email: `${randomUUID()}@example.com`, password: 'correct horse battery' };
  await postJson(`${url}/api/v1/auth/register`, credentials);
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(`UPDATE account SET plan_code = 'pro'`);
  await client.end();
  const { access_token } = await postJson(`${url}/api/v1/auth/login`, credentials);
  return String(access_token);
}

async function postJson(url: string, body: unknown): Promise<Record<string, unknown>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Record<string, unknown>;
}
