import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const LAST_LINES_MAX = 20;

export interface RunningServer {
  url: string;
  port: number;
  /** Resolves when the process has ended, for whatever reason, to how it did: `SIGKILL`, or `code 1: its last line`. */
  ended: Promise<string>;
  /** Resolves when the process has ended. */
  stop(): Promise<void>;
}

export interface ServerCommand {
  command: string;
  args: string[];
  env?: NodeJS.ProcessEnv;
  uid?: number;
  gid?: number;
  onLog?: (line: string) => void;
  /** Removed when this process dies; stop() leaves it to the caller. */
  temporaryDir?: string;
}

/**
 * A database server as a child process. It has a session of its own, so that Ctrl-C in the terminal does not stop it
 * before those who use it, and a guard that stops it when this process dies without having done so.
 */
export class ServerProcess {
  private readonly child: ChildProcess;
  private readonly lastLines: string[] = [];
  private hasExited = false;
  readonly ended: Promise<string>;

  constructor(options: ServerCommand) {
    const { command, args, onLog, temporaryDir, ...spawnOptions } = options;
    this.child = spawn(command, args, { ...spawnOptions, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      if (!stream) continue;
      createInterface({ input: stream }).on('line', (line) => {
        this.lastLines.push(line);
        if (this.lastLines.length > LAST_LINES_MAX) this.lastLines.shift();
        onLog?.(line);
      });
    }
    const endGuard = this.child.pid === undefined ? undefined : guard(this.child.pid, temporaryDir);
    this.ended = new Promise((resolve) => {
      const onEnd = (how: string) => {
        this.hasExited = true;
        endGuard?.();
        resolve(how);
      };
      this.child.once('close', (code, signal) => onEnd(signal ?? `code ${code}: ${this.lastLines.at(-1)?.trim()}`));
      this.child.once('error', (error) => {
        this.lastLines.push(error.message);
        onEnd(error.message);
      });
    });
  }

  /**
   * Polls `isReady` until it resolves to true.
   * @throws Error with the server's last lines when it ends first or is not ready in time; it is not running then
   */
  async waitUntilReady(isReady: () => Promise<boolean>, timeoutMs: number): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!this.hasExited && Date.now() < deadline) {
      if (await isReady()) return;
      await Promise.race([sleep(25), this.ended]);
    }
    const reason = this.hasExited ? 'ended at once' : `was not ready after ${timeoutMs / 1_000} s`;
    await this.stop('SIGKILL');
    throw new Error(`${this.child.spawnfile} ${reason}:\n${this.lastLines.join('\n')}`);
  }

  /** Sends the signal and waits for the end; SIGKILL when that takes longer than ten seconds. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    if (!this.hasExited) this.child.kill(signal);
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 10_000);
    await this.ended;
    clearTimeout(timer);
  }
}

/**
 * A shell that reads a pipe to which nobody writes: the pipe ends when this process dies, however it dies, and the
 * shell then stops the server. SIGINT is Postgres' quick and clean stop; Redis takes it as SIGTERM.
 */
function guard(pid: number, temporaryDir: string | undefined): () => void {
  const shell = spawn('/bin/sh', ['-c', guardScript, 'guard', String(pid), temporaryDir ?? ''], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.unref();
  return () => shell.kill('SIGKILL');
}

const guardScript = `
read _
kill -INT $1
[ -n "$2" ] || exit
for _ in 1 2 3 4 5; do kill -0 $1 || break; sleep 1; done
rm -rf "$2"
`;

/** A port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('No port could be had on 127.0.0.1.');
  return address.port;
}

/** Another process may take a free port before the server does: three tries, unless the caller named the port. */
export async function onPort<T>(port: number | undefined, start: (port: number) => Promise<T>): Promise<T> {
  if (port !== undefined) return start(port);
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(await freePort());
    } catch (error) {
      if (attempt === 3) throw error;
      await sleep(500);
    }
  }
}

/** Sends one line over TCP and resolves to what comes back first, or undefined when nobody answers within a second. */
export async function ask(port: number, line: string): Promise<string | undefined> {
  const socket = connect({ port, host: '127.0.0.1' });
  try {
    const signal = AbortSignal.timeout(1_000);
    await once(socket, 'connect', { signal });
    socket.write(line);
    const [answer] = await once(socket, 'data', { signal });
    return String(answer);
  } catch {
    // Refused, reset or silent: all the same to someone who waits for a server.
    return undefined;
  } finally {
    socket.destroy();
  }
}

/** What a process was started as, or undefined when there is none of that id. */
export async function commandLineOf(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return commandLine.replaceAll('\0', ' ').trim() || undefined;
  }
  return new Promise((resolve) => {
    execFile('ps', ['-o', 'command=', '-p', String(pid)], (_, stdout) => resolve(stdout.trim() || undefined));
  });
}

/** Stops a process that is not our child, and waits until it is gone. */
export async function stopForeign(pid: number): Promise<void> {
  process.kill(pid, 'SIGINT');
  const deadline = Date.now() + 10_000;
  while ((await commandLineOf(pid)) !== undefined) {
    if (Date.now() > deadline) process.kill(pid, 'SIGKILL');
    await sleep(50);
  }
}
