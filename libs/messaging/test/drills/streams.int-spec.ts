// Streams that are cancelled, read slowly and very long. See drill.ts.
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Drill,
  HANGS_AFTER_MS,
  median,
  report,
  rounded,
  scale,
  tally,
  until,
  type Outcome,
  type Parts,
} from './drill.js';
import type { DrillProcess } from './drill-child.js';

jest.setTimeout(HANGS_AFTER_MS);

const MEBIBYTE = 1024 * 1024;

let drill: Drill;
let caller: DrillProcess;

beforeEach(async () => {
  drill = await Drill.start();
  caller = await drill.caller();
});
afterEach(() => drill.stop());

const read = (n: number, input: Parts) => caller.ask<Outcome>('read', { n, timeoutMs: 300_000, ...input });
const inMebibytes = (bytes: number) => Math.round((bytes / MEBIBYTE) * 10) / 10;

describe('a cancelled stream', () => {
  it('aborts the handler two hops away', async () => {
    await drill.replica();
    await drill.replica({ service: 'inner' });
    const tookMs: number[] = [];
    for (let n = 0; n < 50; n += 1) {
      const { code, endedAt } = await read(n, { to: 'inner', parts: 1_000, bytes: 10, everyMs: 20, leaveAfter: 2 });
      expect(code).toBe('left');
      tookMs.push((await drill.recorded('abort', n)).at - endedAt);
      await drill.recorded('end', n);
    }
    report({ abortedAfterMs: { median: rounded(median(tookMs)), max: rounded(Math.max(...tookMs)) } });
  });

  it('leaves nothing behind in Redis or in the memory of a replica, a thousand times', async () => {
    const outer = await drill.replica({ slots: 64 });
    const inner = await drill.replica({ service: 'inner', slots: 64 });
    const cancel = (first: number, count: number) =>
      caller.ask<Outcome[]>('load', {
        first,
        count,
        everyMs: 3,
        timeoutMs: 20_000,
        parts: { to: 'inner', parts: 1_000, bytes: 10, everyMs: 20, leaveAfter: 1 },
      });
    const settled = async () => {
      await until(() => drill.queueIsEmpty(), 'an empty queue');
      const journal = await drill.journal();
      const count = (event: string) => journal.filter((entry) => entry.event === event).length;
      await until(async () => count('start') === count('end'), 'every clean-up');
      // A fence outlives its request on purpose; each has a time to live.
      const fences = await drill.redis.keys('*:started:*');
      // -2 is one that has expired since; -1 would be one that never does.
      for (const ttl of await Promise.all(fences.map((key) => drill.redis.pttl(key)))) expect(ttl).not.toBe(-1);
      const keys = (await drill.redis.keys('*')).filter((key) => !key.includes(':started:')).sort();
      const lengths = await Promise.all(
        keys.map(async (key) => ((await drill.redis.type(key)) === 'stream' ? drill.redis.xlen(key) : 0)),
      );
      const used = await Promise.all([outer, inner, caller].map(async (process) => (await process.memory()).used));
      return { keys, lengths, used };
    };
    expect(tally(await cancel(0, 300))).toEqual({ left: 300 });
    const before = await settled();
    const count = 1_000 * scale;
    expect(tally(await cancel(1_000, count))).toEqual({ left: count });
    const after = await settled();

    const grown = after.used.map((used, index) => used - (before.used[index] ?? 0));
    report({ grownMebibytes: grown.map(inMebibytes), lengths: after.lengths });
    expect(after.keys).toEqual(before.keys);
    // What came while a trim was under way stays until the next one: a handful, however many streams there were.
    for (const length of after.lengths) expect(length).toBeLessThanOrEqual(10);
    for (const bytes of grown) expect(bytes).toBeLessThan(4 * MEBIBYTE);
  });
});

describe('a stream', () => {
  it('that is read slowly takes a bounded amount of memory on both sides and in Redis, and arrives complete', async () => {
    const replica = await drill.replica();
    await read(1, { parts: 64, bytes: MEBIBYTE / 16, everyMs: 0 }); // Code that has run takes memory too.
    const before = { replica: await replica.memory(), caller: await caller.memory() };
    const parts = (scale > 1 ? 100 : 20) * 16;
    const stream = read(0, {
      parts,
      bytes: MEBIBYTE / 16,
      everyMs: 0,
      bytesPerSecond: (scale > 1 ? 1 : 4) * MEBIBYTE,
    });
    let isDone = false;
    void stream.finally(() => (isDone = true));
    const most = { redis: 0, replica: 0, caller: 0, replicaRss: 0, callerRss: 0 };
    while (!isDone) {
      const keys = await drill.redis.keys('tollgate:{replies:*');
      // All of its entries: from a few, which differ in size, Redis guesses.
      const sizes = await Promise.all(keys.map((key) => drill.redis.memory('USAGE', key, 'SAMPLES', 0)));
      const [ofReplica, ofCaller] = await Promise.all([replica.memory(), caller.memory()]);
      most.redis = Math.max(most.redis, ...sizes.map(Number));
      most.replica = Math.max(most.replica, ofReplica.used - before.replica.used);
      most.caller = Math.max(most.caller, ofCaller.used - before.caller.used);
      most.replicaRss = Math.max(most.replicaRss, ofReplica.rss - before.replica.rss);
      most.callerRss = Math.max(most.callerRss, ofCaller.rss - before.caller.rss);
      await sleep(100);
    }
    const outcome = await stream;

    report({
      seconds: rounded((outcome.endedAt - outcome.sentAt) / 1_000),
      mostMebibytes: Object.fromEntries(Object.entries(most).map(([key, bytes]) => [key, inMebibytes(bytes)])),
    });
    expect(outcome).toMatchObject({ code: 'ok', parts, bytes: (parts * MEBIBYTE) / 16 });
    expect(most.redis).toBeLessThan(4 * MEBIBYTE);
    expect(most.replica).toBeLessThan(8 * MEBIBYTE);
    expect(most.caller).toBeLessThan(8 * MEBIBYTE);
  });

  it('of 100,000 parts arrives complete and in order', async () => {
    await drill.replica();
    const parts = 100_000 * scale;
    const { code, sentAt, endedAt, ...outcome } = await read(0, { parts, bytes: 8, everyMs: 0 });
    report({ partsPerSecond: Math.round(parts / ((endedAt - sentAt) / 1_000)) });
    expect({ code, parts: outcome.parts }).toEqual({ code: 'ok', parts });
  });

  it('may have parts of 1 MiB', async () => {
    await drill.replica();
    expect(await read(0, { parts: 3, bytes: MEBIBYTE, everyMs: 0 })).toMatchObject({ code: 'ok', bytes: 3 * MEBIBYTE });
  });
});
