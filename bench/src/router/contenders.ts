import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort, quickNodeFlags, startPostgres, startRedis } from '@tollgate/testing';
import { processorMicros } from './processor-time.js';
import { startTollgate } from './tollgate.js';

/** Something that answers POST /v1/chat/completions. */
export interface Contender {
  label: string;
  url: string;
  model: string;
  headers: Record<string, string>;
}

export const contenderNames = ['provider', 'portkey', 'tollgate'] as const;
export type ContenderName = (typeof contenderNames)[number];

export interface Field {
  contenders: Record<ContenderName, Contender>;
  /** Microseconds of processor time that each process at work for Tollgate has used. */
  processorMicros: () => Promise<Record<string, number>>;
  /** Of Tollgate; see there. */
  toggleProfile: () => void;
  stop(): Promise<void>;
}

const MODEL = 'meta-llama/Llama-4-Maverick-8B-Instruct';

/** Everybody's provider is one process that answers at once. */
export async function startField({ profileDir }: { profileDir?: string | undefined }): Promise<Field> {
  const stops: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const stopOne of stops.reverse()) await stopOne();
  };
  try {
    const provider = await startInstantProvider();
    stops.push(() => provider.stop());
    const portkey = await startPortkey();
    stops.push(() => portkey.stop());
    const dataDir = await mkdtemp(join(tmpdir(), 'tollgate-bench-'));
    stops.push(() => rm(dataDir, { recursive: true }));
    // Durable, as in production: what the ledger says is committed survives a power cut.
    const postgres = await startPostgres({ dataDir: join(dataDir, 'postgres'), persistent: true });
    stops.push(() => postgres.stop());
    const redis = await startRedis({ dir: join(dataDir, 'redis') });
    stops.push(() => redis.stop());
    const tollgate = await startTollgate({
      databaseUrl: postgres.url,
      redisUrl: redis.url,
      providerUrl: `${provider.url}/v1`,
      profileDir,
    });
    stops.push(() => tollgate.stop());
    const contenders: Field['contenders'] = {
      provider: { label: 'the provider itself', url: provider.url, model: MODEL, headers: {} },
      portkey: {
        label: 'Portkey gateway',
        url: portkey.url,
        model: MODEL,
        headers: {
          authorization: 'Bearer simulated',
          'x-portkey-provider': 'openai',
          'x-portkey-custom-host': `${provider.url}/v1`,
        },
      },
      tollgate: {
        label: 'Tollgate',
        url: tollgate.url,
        model: 'llama-4-maverick',
        headers: { authorization: `Bearer ${tollgate.accessToken}` },
      },
    };
    const pids = {
      ...tollgate.pids,
      Postgres: await pidIn(join(dataDir, 'postgres', 'postmaster.pid')),
      Redis: await pidIn(join(dataDir, 'redis', 'redis.pid')),
      'the provider': provider.pid,
    };
    const processorMicrosOf = async ([name, pid]: [string, number]) => [name, await processorMicros(pid)] as const;
    return {
      contenders,
      processorMicros: async () => Object.fromEntries(await Promise.all(Object.entries(pids).map(processorMicrosOf))),
      toggleProfile: () => tollgate.toggleProfile(),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function pidIn(file: string): Promise<number> {
  return Number.parseInt(await readFile(file, 'utf8'), 10);
}

interface Started {
  url: string;
  pid: number;
  stop(): Promise<void>;
}

async function startInstantProvider(): Promise<Started> {
  const main = fileURLToPath(new URL('instant-provider.js', import.meta.url));
  const child = fork(main, { env: { NODE_ENV: 'production' }, execArgv: quickNodeFlags, silent: true });
  const [{ url }] = (await once(child, 'message')) as [{ url: string }];
  return { url, pid: child.pid ?? NaN, stop: () => end(child) };
}

/** The open-source gateway as published, without its request log page, and with the flags of Node that ours has. */
async function startPortkey(): Promise<Started> {
  const manifest = createRequire(import.meta.url).resolve('@portkey-ai/gateway/package.json');
  const main = join(dirname(manifest), 'build/start-server.js');
  const port = await freePort();
  const env = { PATH: process.env['PATH'], NODE_ENV: 'production' };
  const child = fork(main, [`--port=${port}`, '--headless'], { env, execArgv: quickNodeFlags, silent: true });
  const url = `http://127.0.0.1:${port}`;
  for (const giveUpAt = Date.now() + 15_000; Date.now() < giveUpAt; await sleep(50)) {
    const response = await fetch(url).catch(() => undefined); // Not listening yet.
    if (response?.ok) return { url, pid: child.pid ?? NaN, stop: () => end(child) };
  }
  await end(child);
  throw new Error('Portkey did not start');
}

async function end(child: ReturnType<typeof fork>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill();
  await ended;
}
