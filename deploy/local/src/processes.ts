import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { quickNodeFlags } from '@tollgate/testing';
import { lineThatMatters, renderLine, withoutForeignFrames, type LogLine } from './log-lines.js';

const READY_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 15_000;
const LAST_LINES_MAX = 20;
/** One that ran this long before it ended did not fail at once. */
const FAST_FAILURE_MS = 30_000;
const FAST_FAILURES_MAX = 5;
const RESTART_DELAY_MS = 500;

export interface AppOptions {
  name: string;
  /** The compiled entry. */
  main: string;
  env: NodeJS.ProcessEnv;
  cwd: string;
  /** Answers 200 once the app can serve. */
  readyUrl: string;
  write: (text: string) => void;
  /** Index of the colour of its name; undefined for none. */
  colour?: number;
}

/**
 * One app as a process of its own. It has its own session, so that Ctrl-C in the terminal reaches the launcher alone,
 * which stops the apps in order; and an IPC channel, whose end tells it that the launcher died.
 */
export class AppProcess {
  private child: ChildProcess | undefined;
  private exited: Promise<void> = Promise.resolve();
  private startedAt = 0;
  private fastFailures = 0;
  private isQuiet = true;
  private isStopping = false;
  private onGiveUp: ((reason: string) => void) | undefined;
  private readonly lastLines: LogLine[] = [];

  constructor(private readonly options: AppOptions) {}

  get name(): string {
    return this.options.name;
  }

  start(): void {
    const { main, env, cwd } = this.options;
    this.startedAt = Date.now();
    this.lastLines.length = 0;
    const child = spawn(process.execPath, ['--enable-source-maps', ...quickNodeFlags, main], {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => this.onLine(line));
    }
    this.exited = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.child = undefined;
        resolve();
        this.onExit(signal ?? `code ${code}`);
      });
      // A channel that breaks is followed by 'close'; without a listener it would end the launcher.
      child.on('error', (error) => this.onLine(error.message));
    });
  }

  /** @throws Error with the app's last lines when it ends, or is not ready within 30 seconds */
  async waitUntilReady(): Promise<void> {
    const deadline = Date.now() + READY_TIMEOUT_MS;
    while (this.child !== undefined && Date.now() < deadline) {
      if (await isReady(this.options.readyUrl)) return;
      await Promise.race([sleep(100), this.exited]);
    }
    const what = this.child ? `was not ready after ${READY_TIMEOUT_MS / 1_000} s` : 'ended before it was ready';
    throw new Error(this.explain(`${this.name} ${what}`));
  }

  /** From now on its log is shown in full, and it is started again when it ends. */
  supervise(onGiveUp: (reason: string) => void): void {
    this.isQuiet = false;
    this.onGiveUp = onGiveUp;
    if (!this.child) void this.restart('while the others started');
  }

  /** SIGTERM, then SIGKILL after 15 seconds. */
  async stop(): Promise<void> {
    this.isStopping = true;
    this.child?.kill('SIGTERM');
    const timer = setTimeout(() => this.kill(), STOP_TIMEOUT_MS);
    await this.exited;
    clearTimeout(timer);
  }

  kill(): void {
    this.isStopping = true;
    this.child?.kill('SIGKILL');
  }

  private onLine(line: string): void {
    const rendered = renderLine(this.name, line, this.options.colour);
    this.lastLines.push(rendered);
    if (this.lastLines.length > LAST_LINES_MAX) this.lastLines.shift();
    // While everything starts, only what may need a person; the rest is shown when the app fails.
    if (!this.isQuiet || rendered.level === 'warn') this.options.write(rendered.text);
  }

  private onExit(how: string): void {
    if (!this.isStopping && this.onGiveUp) void this.restart(how);
  }

  private async restart(how: string): Promise<void> {
    const isFast = Date.now() - this.startedAt < FAST_FAILURE_MS;
    this.fastFailures = isFast ? this.fastFailures + 1 : 1;
    if (this.fastFailures >= FAST_FAILURES_MAX) {
      this.onGiveUp?.(this.explain(`${this.name} ended ${this.fastFailures} times in a row`));
      return;
    }
    const delayMs = RESTART_DELAY_MS * 2 ** (this.fastFailures - 1);
    this.options.write(`${this.name} ended (${how}); starting it again in ${delayMs / 1_000} s`);
    await sleep(delayMs);
    if (!this.isStopping) await this.startAgain();
  }

  private async startAgain(): Promise<void> {
    this.isQuiet = true;
    this.start();
    const isBack = await this.waitUntilReady().then(
      () => true,
      () => false,
    );
    if (!isBack) {
      // One that hangs is ended here, one that ended is on its way again: either way onExit goes on.
      this.child?.kill('SIGKILL');
      return;
    }
    this.isQuiet = false;
    this.options.write(`${this.name} serves again`);
  }

  private explain(what: string): string {
    const matters = lineThatMatters(this.lastLines);
    const conclusion = matters ? `${what}: ${matters}` : `${what}.`;
    // Later on they have been shown as they came.
    if (!this.isQuiet) return conclusion;
    const lines = withoutForeignFrames(this.lastLines.map(({ text }) => text));
    return [`The last lines of ${this.name}:`, ...lines, '', conclusion].join('\n');
  }
}

async function isReady(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(3_000) }).then(
    (response) => response.ok,
    () => false,
  );
}
