import { spawn, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { repositoryDir } from './repository-dir.mjs';

const READY_WITHIN_MS = 45_000;
const STOP_WITHIN_MS = 8_000;

/**
 * Flags of Node for an app that is to be quick. Its own machine code in large pages takes an eighth less processor time
 * (`pnpm bench:router`), for 25 MB and 0.15 s at the start; where the system cannot do it, nothing happens.
 */
export const quickNodeFlags = ['--use-largepages=silent'];

/** An app as a process of its own, from its build output. */
export interface AppProcess {
  child: ChildProcess;
  /** What it has printed from its start on. */
  output(): string;
  /** SIGTERM, and SIGKILL to one that does not end within eight seconds. */
  stop(): Promise<void>;
}

/**
 * Resolves when the app answers at /ready.
 *
 * @param environment all that the app gets besides the variables that a process needs; has its PORT
 * @throws Error with the app's output, when it ends or is not ready within 45 seconds
 */
export async function startApp(
  name: string,
  environment: Record<string, string>,
  execArgv: readonly string[] = [],
): Promise<AppProcess> {
  const child = spawn(process.execPath, ['--enable-source-maps', ...execArgv, mainOf(name)], {
    cwd: repositoryDir,
    env: { ...processVariables(), ...environment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const output = outputOf(child);
  const url = `http://127.0.0.1:${environment['PORT']}/ready`;
  const giveUpAt = Date.now() + READY_WITHIN_MS;
  while (Date.now() < giveUpAt && child.exitCode === null) {
    const response = await fetch(url).catch(() => undefined); // Not listening yet.
    if (response?.ok) return { child, output, stop: () => stop(child) };
    await sleep(50);
  }
  await stop(child);
  throw new Error(`${name} is not ready:\n${output()}`);
}

/** Runs an app to its end, for what it says when it refuses to start. */
export async function runApp(name: string, environment: Record<string, string>, ...args: string[]) {
  const child = spawn(process.execPath, [mainOf(name), ...args], {
    cwd: repositoryDir,
    env: { ...processVariables(), ...environment },
  });
  const output = outputOf(child);
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, output: output() };
}

/** A private key for JWT_PRIVATE_KEY, as PEM. */
export function newSigningKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
  await once(child, 'exit');
  clearTimeout(timer);
}

function outputOf(child: ChildProcess): () => string {
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return () => output;
}

function mainOf(name: string): string {
  return join(repositoryDir, 'apps', name, 'dist', 'main.js');
}

/** What a process needs (and what makes it start sooner), and nothing else of the test runner or the developer's shell. */
function processVariables(): Record<string, string> {
  const names = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'NODE_COMPILE_CACHE'];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}
