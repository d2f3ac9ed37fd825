import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { access, constants, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { dockerRedis, isDockerAvailable, removeDockerRedis } from './docker.js';
import { ask, commandLineOf, onPort, ServerProcess, stopForeign, type RunningServer } from './server-process.js';

const execute = promisify(execFile);

const READY_TIMEOUT_MS = 30_000;
/** The first `docker run` fetches the image. */
const DOCKER_READY_TIMEOUT_MS = 180_000;
const PROGRAMS = ['redis-server', 'valkey-server', 'keydb-server'];
const POLICY_FILE = '/usr/sbin/policy-rc.d';

export interface RedisOptions {
  /** Without it a temporary folder. */
  dir?: string;
  /** A free one when not given. */
  port?: number;
  /** Write an append-only file into dir, and load it at the next start. Otherwise nothing is kept. */
  persistent?: boolean;
  /** What the server prints. */
  onLog?: (line: string) => void;
  /** What is done to get a server on a machine that has none. */
  onInstall?: (line: string) => void;
}

/**
 * A Redis on 127.0.0.1: a server on the PATH, else one that apt installs, else Docker's.
 * @throws Error that says in one line what to install when there is none of the three
 */
export async function startRedis(options: RedisOptions = {}): Promise<RunningServer> {
  const isPersistent = options.persistent === true && options.dir !== undefined;
  const program = (await findRedisServer()) ?? (await installRedis(options.onInstall));
  const dir = resolve(options.dir ?? (await mkdtemp(join(tmpdir(), 'tollgate-redis-'))));
  await mkdir(dir, { recursive: true });
  const pidFile = join(dir, 'redis.pid');
  await stopLeftover(pidFile);
  if (program === 'docker') await removeDockerRedis(dir);

  const keep = isPersistent ? ['--appendonly', 'yes'] : ['--appendonly', 'no'];
  const settings = ['--save', '', ...keep, '--loglevel', 'warning'];
  return onPort(options.port, async (port) => {
    const local = ['--bind', '127.0.0.1', '--port', String(port), '--dir', dir, '--pidfile', pidFile];
    const command =
      program === 'docker' ? dockerRedis(port, dir, settings) : { command: program, args: [...local, ...settings] };
    const temporaryDir = isPersistent ? undefined : dir;
    const server = new ServerProcess({ ...command, onLog: options.onLog, temporaryDir });
    const isReady = async () => (await ask(port, 'PING\r\n'))?.startsWith('+PONG') === true;
    await server.waitUntilReady(isReady, program === 'docker' ? DOCKER_READY_TIMEOUT_MS : READY_TIMEOUT_MS);
    return {
      url: `redis://127.0.0.1:${port}`,
      port,
      ended: server.ended,
      stop: async () => {
        await server.stop('SIGTERM');
        if (!isPersistent) await rm(dir, { recursive: true, force: true });
      },
    };
  });
}

/** The path of a Redis server on this machine, if it has one. */
export async function findRedisServer(): Promise<string | undefined> {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const path of PROGRAMS.flatMap((program) => folders.map((folder) => join(folder, program)))) {
    const isExecutable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isExecutable) return path;
  }
  return undefined;
}

/**
 * For a machine without one: Debian's and Ubuntu's package when we are root, else Docker.
 * @returns the path of the server, or 'docker'
 * @throws Error that says in one line what to install
 */
export async function installRedis(onInstall?: (line: string) => void): Promise<string> {
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    onInstall?.('Installing redis-server with apt-get');
    const installed = await installWithApt().catch((error: Error) => error);
    if (typeof installed === 'string') return installed;
    onInstall?.(
      `apt-get could not install redis-server: ${installed?.message.trim().split('\n').at(-1) ?? 'no server came with it'}`,
    );
  }
  if (await isDockerAvailable()) return 'docker';
  const command = process.platform === 'darwin' ? 'brew install redis' : 'sudo apt-get install redis-server';
  throw new Error(`Tollgate needs Redis: install it (${command}), start Docker, or set REDIS_URL.`);
}

async function installWithApt(): Promise<string | undefined> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  // Another apt-get may be at work, such as a second set-up or the machine's own updates.
  const apt = (...args: string[]) => execute('apt-get', ['-o', 'DPkg::Lock::Timeout=300', '-qq', ...args], { env });
  // The package would start a service on port 6379 that nobody asked for. A policy forbids that; it ends with this
  // process, so that one left behind by a kill forbids nothing.
  const isPolicyOurs = !existsSync(POLICY_FILE);
  const policy = `#!/bin/sh\nkill -0 ${process.pid} 2>/dev/null && exit 101\nexit 0\n`;
  if (isPolicyOurs) await writeFile(POLICY_FILE, policy, { mode: 0o755 });
  try {
    await apt('update');
    await apt('install', '--yes', '--no-install-recommends', 'redis-server');
  } finally {
    if (isPolicyOurs) await rm(POLICY_FILE, { force: true });
  }
  const stop = existsSync('/run/systemd/system')
    ? ['systemctl', 'disable', '--now', 'redis-server']
    : ['service', 'redis-server', 'stop'];
  // It fails when there is no such service or it does not run: what we want.
  await execute(stop[0] ?? '', stop.slice(1)).catch(() => undefined);
  return findRedisServer();
}

/** A server whose launcher was killed still runs on the same files, or left its pid file behind. */
async function stopLeftover(pidFile: string): Promise<void> {
  if (!existsSync(pidFile)) return;
  const pid = Number.parseInt(await readFile(pidFile, 'utf8'), 10);
  const commandLine = pid > 0 ? await commandLineOf(pid) : undefined;
  if (commandLine !== undefined && /(redis|valkey|keydb)-server/.test(commandLine)) await stopForeign(pid);
  await rm(pidFile, { force: true });
}
