import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';

const CHECK_EVERY_MS = 250;

/** What messages could leave behind in Redis. */
export interface RedisState {
  /** Without fences, which expire by themselves. */
  keys: number;
  fences: number;
  streamEntries: number;
  pendingEntries: number;
  usedMemoryBytes: number;
}

/** The Redis of the bench, as seen by its driver. */
export class RedisProbe {
  private readonly redis: Redis;

  constructor(url: string) {
    this.redis = new Redis(url);
  }

  async cpuMicros(): Promise<number> {
    const info = await this.redis.info('cpu');
    const seconds = ['used_cpu_sys', 'used_cpu_user'].map((name) => numberIn(info, name));
    return seconds.reduce((sum, value) => sum + value, 0) * 1_000_000;
  }

  async state(): Promise<RedisState> {
    const keys = await this.list('*');
    const others = keys.filter((key) => !key.includes(':started:'));
    const streams: string[] = [];
    for (const key of others) if ((await this.redis.type(key)) === 'stream') streams.push(key);
    let [streamEntries, pendingEntries] = [0, 0];
    for (const key of streams) {
      streamEntries += await this.redis.xlen(key);
      const groups = (await this.redis.xinfo('GROUPS', key)) as unknown[][];
      for (const group of groups) pendingEntries += Number(group[group.indexOf('pending') + 1]);
    }
    return {
      keys: others.length,
      fences: keys.length - others.length,
      streamEntries,
      pendingEntries,
      usedMemoryBytes: numberIn(await this.redis.info('memory'), 'used_memory'),
    };
  }

  /** Resolves with how long it took until there were no fences any more, or gives up. */
  async untilFencesAreGone(withinMs: number): Promise<number> {
    const startedAt = performance.now();
    const elapsedMs = () => performance.now() - startedAt;
    const others = (await this.list('*')).filter((key) => !key.includes(':started:')).length;
    while ((await this.redis.dbsize()) > others && elapsedMs() < withinMs) await sleep(CHECK_EVERY_MS);
    return elapsedMs();
  }

  close(): void {
    this.redis.disconnect();
  }

  private async list(pattern: string): Promise<string[]> {
    const keys: string[] = [];
    for await (const page of this.redis.scanStream({ match: pattern, count: 10_000 })) keys.push(...(page as string[]));
    return [...new Set(keys)];
  }
}

function numberIn(info: string, name: string): number {
  return Number(new RegExp(`^${name}:(.+)$`, 'm').exec(info)?.[1]);
}
