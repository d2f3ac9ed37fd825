/**
 * Drills: replicas and callers are processes of their own, Redis is one for each test, and all of them are killed, frozen and
 * flooded. Short in `npm test`; `DRILL_SCALE=10 npm test -- --testPathPatterns drills` runs the full numbers.
 */
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, startRedis, type RunningServer } from '@tollgate/testing';
import { Redis } from 'ioredis';
import { DrillProcess } from './drill-child.js';

export const scale = Math.max(1, Number(process.env['DRILL_SCALE'] ?? 1));
/** Ends a drill that hangs: one starts up to nine processes, each of which may take seconds. Guarantees have bounds of their own. */
export const HANGS_AFTER_MS = 120_000 * scale;

/** See drill-caller.mjs. */
export interface Outcome {
  n: number;
  code: string;
  message?: string;
  started?: boolean;
  by?: string;
  parts?: number;
  bytes?: number;
  sentAt: number;
  firstPartAt?: number;
  endedAt: number;
}

/** What a handler did, as its replica wrote it down before it did anything else. */
export interface JournalEntry {
  event: 'start' | 'end' | 'abort';
  replica: string;
  n: number;
  at: number;
}

export interface Load {
  first?: number;
  /** Until `stop` when not given. */
  count?: number;
  /** All at once when not given. */
  everyMs?: number;
  contract?: 'work' | 'workAgain' | 'die';
  msMin?: number;
  msMax?: number;
  timeoutMs: number;
  /** Streams instead of requests. */
  parts?: Parts;
}

export interface Parts {
  parts: number;
  bytes: number;
  /** As fast as it goes when 0. */
  everyMs: number;
  /** Through this service, to that one. */
  to?: string;
  /** The caller leaves the loop after so many parts. */
  leaveAfter?: number;
  bytesPerSecond?: number;
}

interface ReplicaOptions {
  service?: string;
  slots?: number;
  version?: 'old' | 'new';
}

export class Drill {
  readonly service = 'drill';
  private readonly processes: DrillProcess[] = [];
  private serial = 0;

  private constructor(
    private readonly dir: string,
    private readonly isPersistent: boolean,
    private server: RunningServer,
    /** To look into it; reconnects when Redis comes back. */
    readonly redis: Redis,
  ) {}

  static async start({ persistent = false } = {}): Promise<Drill> {
    const dir = await mkdtemp(join(tmpdir(), 'tollgate-drill-'));
    await writeFile(join(dir, 'journal'), '');
    const port = await freePort();
    const server = await startRedis({ dir: join(dir, 'redis'), port, persistent });
    const redis = new Redis(server.url, { retryStrategy: () => 50, maxRetriesPerRequest: null });
    redis.on('error', () => undefined);
    return new Drill(dir, persistent, server, redis);
  }

  async stop(): Promise<void> {
    for (const child of this.processes) child.signal('SIGKILL');
    await Promise.all(this.processes.map(({ exited }) => exited));
    this.redis.disconnect();
    await this.server.stop();
    await rm(this.dir, { recursive: true, force: true });
  }

  replica({ service = this.service, slots = 16, version = 'new' }: ReplicaOptions = {}): Promise<DrillProcess> {
    return this.run('drill-replica.mjs', `r${(this.serial += 1)}`, { service, slots, version });
  }

  replicas(count: number, options?: ReplicaOptions): Promise<DrillProcess[]> {
    return Promise.all(Array.from({ length: count }, () => this.replica(options)));
  }

  /** Processes that have not ended by themselves or by a signal, without callers. */
  replicasRunning(): DrillProcess[] {
    return this.processes.filter((child) => child.isRunning && child.name.startsWith('r'));
  }

  caller({ version = 'new' }: { version?: 'old' | 'new' } = {}): Promise<DrillProcess> {
    return this.run('drill-caller.mjs', `c${(this.serial += 1)}`, { service: this.service, version });
  }

  async journal(): Promise<JournalEntry[]> {
    const text = await readFile(join(this.dir, 'journal'), 'utf8');
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => {
        const [event, replica = '', n, at] = line.split(' ');
        return { event: event as JournalEntry['event'], replica, n: Number(n), at: Number(at) };
      });
  }

  /** How often each request was started. */
  async starts(): Promise<Map<number, number>> {
    const starts = new Map<number, number>();
    for (const { event, n } of await this.journal()) if (event === 'start') starts.set(n, (starts.get(n) ?? 0) + 1);
    return starts;
  }

  async startedTwice(): Promise<number[]> {
    return [...(await this.starts())].flatMap(([n, times]) => (times > 1 ? [n] : []));
  }

  /** Waits until a handler has written it down. */
  async recorded(event: JournalEntry['event'], n: number): Promise<JournalEntry> {
    let found: JournalEntry | undefined;
    await until(async () => {
      found = (await this.journal()).find((entry) => entry.event === event && entry.n === n);
      return found !== undefined;
    }, `${event} of ${n}`);
    if (!found) throw new Error('unreachable');
    return found;
  }

  /** Names, pending entries and liveness of the service's consumers. */
  async consumers(): Promise<{ name: string; pending: number; isAlive: boolean }[]> {
    const key = `tollgate:{${this.service}}:requests`;
    if ((await this.redis.exists(key)) === 0) return [];
    const rows = (await this.redis.xinfo('CONSUMERS', key, this.service)) as [unknown, string, unknown, number][];
    return Promise.all(
      rows.map(async ([, name, , pending]) => {
        const heartbeat = await this.redis.exists(`tollgate:{${this.service}}:replica:${name}`);
        return { name, pending, isAlive: heartbeat === 1 };
      }),
    );
  }

  /** Nothing waits, nothing is pending. */
  async queueIsEmpty(): Promise<boolean> {
    const length = await this.redis.xlen(`tollgate:{${this.service}}:requests`);
    return length === 0 && (await this.consumers()).every(({ pending }) => pending === 0);
  }

  /** How many connections there were. */
  async breakSubscriptions(): Promise<number> {
    return Number(await this.redis.client('KILL', 'TYPE', 'PUBSUB'));
  }

  /** The last command of each connection to Redis, by its id. */
  async connections(): Promise<Map<string, string>> {
    const lines = String(await this.redis.client('LIST'))
      .trim()
      .split('\n');
    return new Map(lines.map((line) => [field(line, 'id'), field(line, 'cmd')]));
  }

  /** Whether it was there. */
  async breakConnection(id: string): Promise<boolean> {
    return (await this.redis.client('KILL', 'ID', id)) === 1;
  }

  async redisPid(): Promise<number> {
    return Number(/process_id:(\d+)/.exec(await this.redis.info('server'))?.[1]);
  }

  /** @param pid to be known beforehand of a Redis that stands still */
  async killRedis(pid?: number): Promise<void> {
    const closed = once(this.redis, 'close');
    process.kill(pid ?? (await this.redisPid()), 'SIGKILL');
    await closed;
    await this.server.stop(); // Has ended; this waits until its parent knows.
  }

  /** The length of what a persistent Redis has written so far. */
  async appendOnlyBytes(): Promise<number> {
    return (await stat(await this.appendOnlyFile())).size;
  }

  /** As after a power cut: kill -9 alone loses nothing, the kernel has what was written. Redis must not be running. */
  async forgetAfter(bytes: number): Promise<void> {
    await truncate(await this.appendOnlyFile(), bytes);
  }

  async restartRedis(): Promise<void> {
    const dir = join(this.dir, 'redis');
    this.server = await startRedis({ dir, port: this.server.port, persistent: this.isPersistent });
  }

  private async appendOnlyFile(): Promise<string> {
    const folder = join(this.dir, 'redis', 'appendonlydir');
    const name = (await readdir(folder)).find((file) => file.endsWith('.incr.aof'));
    if (name === undefined) throw new Error('Redis keeps no append-only file.');
    return join(folder, name);
  }

  private async run(program: string, name: string, options: Record<string, unknown>): Promise<DrillProcess> {
    const child = await DrillProcess.start(program, name, {
      ...options,
      redisUrl: this.server.url,
      journal: join(this.dir, 'journal'),
      queueMax: 100_000,
      logLevel: process.env['DRILL_LOG'] ?? 'fatal',
    });
    this.processes.push(child);
    return child;
  }
}

export async function until(condition: () => Promise<boolean>, what: string, withinMs = 10_000): Promise<void> {
  const giveUpAt = Date.now() + withinMs;
  while (!(await condition())) {
    if (Date.now() > giveUpAt) throw new Error(`not within ${withinMs} ms: ${what}`);
    await sleep(20);
  }
}

/** Of a line of CLIENT LIST. */
function field(line: string, name: string): string {
  return new RegExp(`(?:^| )${name}=(\\S*)`).exec(line)?.[1] ?? '';
}

/** How many ended how. */
export function tally(outcomes: readonly Outcome[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { code } of outcomes) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

export function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}

/** Figures are printed, not asserted: a slow machine is no defect. */
export function report(figures: Record<string, unknown>): void {
  process.stdout.write(`  drill: ${expect.getState().currentTestName}\n         ${JSON.stringify(figures)}\n`);
}
