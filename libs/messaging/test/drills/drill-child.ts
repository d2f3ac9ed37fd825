import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** A program of the drills in a process of its own, which takes commands. */
export class DrillProcess {
  private lastId = 0;
  readonly output: string[] = [];
  readonly exited: Promise<number | NodeJS.Signals>;

  private constructor(
    readonly name: string,
    private readonly child: ChildProcess,
  ) {
    this.exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code ?? -1)));
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => this.output.push(String(chunk)));
    child.on('error', () => undefined);
    child.setMaxListeners(0);
  }

  static async start(program: string, name: string, options: Record<string, unknown>): Promise<DrillProcess> {
    const child = fork(join(__dirname, program), [JSON.stringify({ name, ...options })], {
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const started = new DrillProcess(name, child);
    const first = await Promise.race([once(child, 'message'), started.exited]);
    if (!Array.isArray(first)) throw new Error(`${name} did not start: ${started.output.join('')}`);
    return started;
  }

  /** Rejects when the process fails at it or ends before it has answered. */
  async ask<T>(command: string, input?: unknown): Promise<T> {
    const id = (this.lastId += 1);
    const answer = new Promise<{ value: T; error?: string }>((resolve) => {
      const onMessage = (message: { id: number; value: T; error?: string }) => {
        if (message.id !== id) return;
        this.child.off('message', onMessage);
        resolve(message);
      };
      this.child.on('message', onMessage);
    });
    this.child.send({ id, command, input });
    const answered = await Promise.race([answer, this.exited]);
    if (typeof answered !== 'object') throw new Error(`${this.name} ended: ${answered}\n${this.output.join('')}`);
    if (answered.error !== undefined) throw new Error(`${this.name}: ${answered.error}`);
    return answered.value;
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  memory(): Promise<{ rss: number; used: number }> {
    return this.ask('memory');
  }
}
