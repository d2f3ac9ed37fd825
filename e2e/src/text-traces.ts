import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { Stack } from './stack.js';

/** Looks for a text wherever the product keeps or prints anything: tables, keys, log files, and what its processes say. */
export class TextTraces {
  private readonly redis: Redis;
  private printed = '';

  constructor(private readonly stack: Stack) {
    this.redis = new Redis(stack.environment['REDIS_URL'] ?? '');
    for (const { stdout, stderr } of stack.processes()) {
      for (const output of [stdout, stderr]) output?.on('data', (chunk: Buffer) => (this.printed += chunk.toString()));
    }
  }

  /** By their names. */
  async placesOf(text: string): Promise<string[]> {
    const places = [...(await this.tablesWith(text)), ...(await this.keysWith(text)), ...(await this.filesWith(text))];
    return this.printed.includes(text) ? [...places, 'the output of a process'] : places;
  }

  close(): void {
    this.redis.disconnect();
  }

  private async tablesWith(text: string): Promise<string[]> {
    const tables = await this.stack.query<{ name: string }>(
      "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'",
    );
    const found = await Promise.all(
      tables.map(async ({ name }) => {
        const row = `SELECT 1 FROM "${name}" AS any_row WHERE strpos(any_row::text, $1) > 0 LIMIT 1`;
        return (await this.stack.query(row, [text])).length > 0 ? [`table ${name}`] : [];
      }),
    );
    return found.flat();
  }

  private async keysWith(text: string): Promise<string[]> {
    const found: string[] = [];
    for (const key of await this.redis.keys('*')) {
      if (JSON.stringify(await this.contentOf(key)).includes(text)) found.push(`key ${key}`);
    }
    return found;
  }

  private async contentOf(key: string): Promise<unknown> {
    switch (await this.redis.type(key)) {
      case 'string':
        return this.redis.get(key);
      case 'hash':
        return this.redis.hgetall(key);
      case 'list':
        return this.redis.lrange(key, 0, -1);
      case 'set':
        return this.redis.smembers(key);
      case 'zset':
        return this.redis.zrange(key, 0, '-1');
      case 'stream':
        return this.redis.xrange(key, '-', '+');
      default:
        return null; // It has expired.
    }
  }

  private async filesWith(text: string): Promise<string[]> {
    const files = await readdir(this.stack.logDir);
    const contents = await Promise.all(files.map((file) => readFile(join(this.stack.logDir, file), 'utf8')));
    return files.filter((_, index) => contents[index]?.includes(text)).map((file) => `file ${file}`);
  }
}
