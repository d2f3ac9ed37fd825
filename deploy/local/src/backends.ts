import { join } from 'node:path';
import { freePort, startPostgres, startRedis } from '@tollgate/testing';
import { AppProcess } from './processes.js';

export interface Started {
  url: string;
  /** For the progress line: where it is, without credentials. */
  where: string;
  /** Absent when it was running before. */
  stop?: () => Promise<void>;
}

export async function openPostgres(environment: NodeJS.ProcessEnv, stateDir: string): Promise<Started> {
  const { DATABASE_URL: url } = environment;
  if (url) return { url, where: 'yours (DATABASE_URL)' };
  const server = await startPostgres({ dataDir: join(stateDir, 'postgres'), persistent: true });
  return { url: server.url, where: `port ${server.port}, data in .tollgate/postgres`, stop: () => server.stop() };
}

/** @param write receives what happens while a Redis is being installed */
export async function openRedis(
  environment: NodeJS.ProcessEnv,
  stateDir: string,
  write: (text: string) => void,
): Promise<Started> {
  const { REDIS_URL: url } = environment;
  if (url) return { url, where: 'yours (REDIS_URL)' };
  const server = await startRedis({ dir: join(stateDir, 'redis'), persistent: true, onInstall: write });
  return { url: server.url, where: `port ${server.port}, data in .tollgate/redis`, stop: () => server.stop() };
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
