import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pair } from './pair.js';
import { summarise } from './profile-summary.js';
import type { RedisProbe } from './redis-state.js';

const LOAD = { concurrency: 64, durationMs: 10_000 };

/** What Tollgate's client and server spend their time on with 64 requests in flight. */
export async function profile(redisUrl: string, redis: RedisProbe): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-profile-'));
  const pair = await Pair.start('tollgate', redisUrl, redis, ['--cpu-prof', `--cpu-prof-dir=${folder}`]);
  const figures = await pair.requests(LOAD);
  await pair.client.stop();
  const [client] = await readdir(folder);
  await pair.server.stop();
  const server = (await readdir(folder)).find((name) => name !== client);
  console.log(`${figures.requests} requests, ${figures.perSecond.toFixed(0)} a second while profiled`);
  for (const [role, name] of Object.entries({ client, server })) {
    if (name === undefined) throw new Error(`the ${role} wrote no profile`);
    console.log(`\n${role}: ${join(folder, name)}\n${await summarise(join(folder, name), figures.requests)}`);
  }
}
