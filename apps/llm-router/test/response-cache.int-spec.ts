import type { Completion } from '@tollgate/contracts';
import { createLogger, Logger } from '@tollgate/observability';
import { nextRedisUrl } from '@tollgate/testing';
import { Redis } from 'ioredis';
import { cacheKeys } from '../src/cache/cache-key.js';
import { ResponseCache } from '../src/cache/response-cache.js';

const ENTRIES_MAX = 100;
const redisUrl = nextRedisUrl();
const logger = new Logger(createLogger('test', 'fatal'));

let redis: Redis;
let cache: ResponseCache;
const opened: ResponseCache[] = [];

const open = async (ttlMs = 60_000) => {
  const opening = new ResponseCache({ redisUrl, ttlMs, entriesMax: ENTRIES_MAX, temperatureMax: 0.3 }, logger);
  await opening.onModuleInit();
  opened.push(opening);
  return opening;
};

const answer = (content: string): Completion => ({
  content,
  model: 'm',
  provider: 'p',
  finish_reason: 'stop',
  usage: { input_tokens: 1, cached_tokens: 0, output_tokens: 1, source: 'provider' },
  attempts: 1,
  metadata: { model_used: 'm', reason: 'tier_local', failed_attempts: [] },
});

const entryOf = (account: string, name: string) => `${cacheKeys.accountPrefix(account)}${name}`;

async function ask(name: string, account = 'a', on = cache): Promise<string> {
  const entry = entryOf(account, name);
  const found = await on.lookUp(entry, name);
  if (found.state === 'lead') await on.keep(entry, name, found.generation, answer(name));
  return found.state;
}

beforeAll(async () => {
  redis = new Redis(redisUrl);
  await redis.flushdb();
  cache = await open();
});
beforeEach(() => redis.flushdb());
afterAll(() => {
  redis.disconnect();
  for (const each of opened) each.onApplicationShutdown();
});

it('10,000 distinct prompts keep the cache within its bound at every moment, and nothing is left beside it', async () => {
  let largest = 0;
  for (let asked = 0; asked < 10_000; asked += 250) {
    await Promise.all(Array.from({ length: 250 }, (_, index) => ask(`prompt-${asked + index}`)));
    largest = Math.max(largest, (await redis.keys(entryOf('a', '*'))).length);
  }
  expect(largest).toBe(ENTRIES_MAX);
  expect(await redis.zcard(cacheKeys.recent)).toBe(ENTRIES_MAX);
  expect(await redis.zcard(cacheKeys.expiring)).toBe(ENTRIES_MAX);
  expect(await redis.dbsize()).toBeLessThanOrEqual(ENTRIES_MAX + 4);
}, 30_000);

it('who was used longest ago goes first', async () => {
  for (let index = 0; index < ENTRIES_MAX; index += 1) await ask(`${index}`);
  expect(await ask('0')).toBe('hit');
  await ask('one more');
  expect(await ask('0')).toBe('hit');
  expect(await ask('1')).toBe('lead');
});

it('an answer lapses after its time however often it is used, and then makes room before others do', async () => {
  const brief = await open(300);
  await ask('brief', 'a', brief);
  expect(await ask('brief', 'a', brief)).toBe('hit');
  await new Promise((resolve) => setTimeout(resolve, 350));
  await Promise.all(Array.from({ length: ENTRIES_MAX }, (_, index) => ask(`${index}`)));
  expect(await ask('0')).toBe('hit');
  expect(await ask('brief', 'a', brief)).toBe('lead');
});

it('one of many leads, and the others wait until it keeps or gives up', async () => {
  const entry = entryOf('a', 'contested');
  const found = await Promise.all(Array.from({ length: 20 }, (_, index) => cache.lookUp(entry, `token-${index}`)));
  expect(found.map(({ state }) => state).toSorted()).toEqual(['lead', ...Array.from({ length: 19 }, () => 'wait')]);
  const leader = found.findIndex(({ state }) => state === 'lead');
  await cache.release(entry, `token-${(leader + 1) % 20}`);
  expect((await cache.lookUp(entry, 'another')).state).toBe('wait');
  await cache.release(entry, `token-${leader}`);
  expect((await cache.lookUp(entry, 'another')).state).toBe('lead');
});

it('clearing takes the answers of one account or of all, and what was asked before is not kept after', async () => {
  await Promise.all([ask('x', 'a'), ask('y', 'a'), ask('x', 'b')]);
  const entry = entryOf('a', 'under way');
  const underWay = await cache.lookUp(entry, 'token');
  expect(await cache.clear('a')).toBe(2);
  expect(await ask('x', 'b')).toBe('hit');
  expect(await ask('x', 'a')).toBe('lead');
  if (underWay.state !== 'lead') throw new Error(underWay.state);
  await cache.keep(entry, 'token', underWay.generation, answer('stale'));
  expect((await cache.lookUp(entry, 'next')).state).toBe('lead');
  expect(await cache.clear()).toBe(2);
  expect(await redis.zcard(cacheKeys.recent)).toBe(0);
});

it('what is no answer of this version is asked for again', async () => {
  await ask('old');
  await redis.set(entryOf('a', 'old'), '{"content":1}');
  expect(await ask('old')).toBe('lead');
  expect(await ask('old')).toBe('hit');
});

it('while Redis is away it says so, and clearing fails', async () => {
  const away = new ResponseCache(
    { redisUrl: 'redis://127.0.0.1:1', ttlMs: 1, entriesMax: 1, temperatureMax: 0 },
    logger,
  );
  await away.onModuleInit();
  opened.push(away);
  expect((await away.lookUp('x', 'y')).state).toBe('away');
  expect((await away.statistics()).status).toBe('disconnected');
  await expect(away.clear()).rejects.toMatchObject({ code: 'unavailable' });
});
