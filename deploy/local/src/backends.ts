import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort, startPostgres, startRedis, type RunningServer } from '@tollgate/testing';
import { AppProcess } from './processes.js';

const CONNECT_TIMEOUT_MS = 5_000;

export interface Started {
  url: string;
  /** For the progress line: where it is, without credentials. */
  where: string;
  /** Absent when it was running before. */
  stop?: () => Promise<void>;
  /** Of a server that was started here and is not started again: resolves to how it ended. */
  ended?: Promise<string>;
}

export async function openPostgres(environment: NodeJS.ProcessEnv, stateDir: string): Promise<Started> {
  const { DATABASE_URL: url } = environment;
  if (url) return yours('DATABASE_URL', url, 5432);
  const server = await startPostgres({ dataDir: join(stateDir, 'postgres'), persistent: true });
  return started(server, '.tollgate/postgres');
}

/** @param write receives what happens while a Redis is being installed */
export async function openRedis(
  environment: NodeJS.ProcessEnv,
  stateDir: string,
  write: (text: string) => void,
): Promise<Started> {
  const { REDIS_URL: url } = environment;
  if (url) return yours('REDIS_URL', url, 6379);
  const server = await startRedis({ dir: join(stateDir, 'redis'), persistent: true, onInstall: write });
  return started(server, '.tollgate/redis');
}

function started(server: RunningServer, folder: string): Started {
  const { url, port, ended } = server;
  return { url, where: `port ${port}, data in ${folder}`, ended, stop: () => server.stop() };
}

/** @throws Error that names the variable when nothing listens there; whether it is the right thing, the apps find out */
async function yours(variable: string, url: string, defaultPort: number): Promise<Started> {
  const address = URL.parse(url);
  if (!address?.hostname) return { url, where: `yours (${variable})` };
  const host = address.hostname.replace(/^\[|\]$/g, '');
  const port = Number(address.port) || defaultPort;
  const socket = connect({ host, port, timeout: CONNECT_TIMEOUT_MS });
  socket.once('timeout', () => socket.destroy(new Error('no answer')));
  try {
    await once(socket, 'connect');
  } catch (cause) {
    const reason =
      cause instanceof Error && 'code' in cause ? String(cause.code) : `no answer in ${CONNECT_TIMEOUT_MS / 1_000} s`;
    throw new Error(`${variable}: nothing can be reached at ${host}, port ${port} (${reason}).`, { cause });
  } finally {
    socket.destroy();
  }
  return { url, where: `yours (${variable})` };
}

const OLLAMA_URL = 'http://127.0.0.1:11434';

/** The Ollama that is named, or that answers at its usual port, else the simulator as a process of its own. */
export async function openLlm(
  environment: NodeJS.ProcessEnv,
  root: string,
  write: (text: string) => void,
): Promise<Started & { simulator?: AppProcess }> {
  const { OLLAMA_BASE_URL: url } = environment;
  if (url) return { url, where: 'yours (OLLAMA_BASE_URL)' };
  if (await answers(OLLAMA_URL)) return { url: OLLAMA_URL, where: 'Ollama on this machine' };
  const port = await freePort();
  const simulator = new AppProcess({
    name: 'simulator',
    main: join(root, 'libs', 'testing', 'dist', 'simulator-main.js'),
    env: { ...environment, SIMULATOR_PORT: String(port) },
    cwd: root,
    readyUrl: `http://127.0.0.1:${port}/api/version`,
    write,
  });
  simulator.start();
  try {
    await simulator.waitUntilReady();
  } catch (error) {
    simulator.kill();
    throw error;
  }
  return { url: `http://127.0.0.1:${port}`, where: `simulated, port ${port}`, simulator, stop: () => simulator.stop() };
}

async function answers(baseUrl: string): Promise<boolean> {
  return fetch(`${baseUrl}/api/version`, { signal: AbortSignal.timeout(500) }).then(
    (response) => response.ok,
    () => false,
  );
}
