// Replicas that freeze, and what is left behind by processes that are gone. See drill.ts.
import { setTimeout as sleep } from 'node:timers/promises';
import { Drill, HANGS_AFTER_MS, report, rounded, scale, tally, until, type Load, type Outcome } from './drill.js';
import type { DrillProcess } from './drill-child.js';

jest.setTimeout(HANGS_AFTER_MS);

let drill: Drill;
let caller: DrillProcess;
const load = (input: Load, from = caller) => from.ask<Outcome[]>('load', input);

beforeEach(async () => {
  drill = await Drill.start();
  caller = await drill.caller();
});
afterEach(() => drill.stop());

describe('a replica that froze in the middle of its work', () => {
  it('hears that it was taken for dead, gives up what was taken from it, runs nothing twice and serves again', async () => {
    const frozen = await drill.replica();
    const inFlight = load({ count: 8, msMin: 30_000, timeoutMs: 60_000 });
    await drill.recorded('start', 7);
    const other = await drill.replica();
    const frozenAt = Date.now();
    frozen.signal('SIGSTOP');
    // Some of these are handed to the frozen one, whose read is open.
    const meanwhile = load({ first: 100, count: 40, everyMs: 25, msMin: 10, timeoutMs: 60_000 });
    const outcomes = await inFlight;
    const heardAfterMs = Math.max(...outcomes.map(({ endedAt }) => endedAt)) - frozenAt;
    await sleep(Math.max(0, 4_000 - (Date.now() - frozenAt)));
    frozen.signal('SIGCONT');
    for (let n = 0; n < 8; n += 1) await drill.recorded('abort', n);

    report({ heardAfterMs: rounded(heardAfterMs), meanwhile: tally(await meanwhile) });
    expect(tally(outcomes)).toEqual({ replica_lost: 8 });
    expect(tally(await meanwhile)).toEqual({ ok: 40 });
    other.signal('SIGTERM');
    await other.exited;
    const later = await load({ first: 1_000, count: 100, msMin: 1, timeoutMs: 10_000 });
    expect(tally(later)).toEqual({ ok: 100 });
    expect(later[0]?.by).toBe(frozen.name);
    expect(await drill.startedTwice()).toEqual([]);
  });

  it('does not take from the queue what others have taken from it and are running', async () => {
    const frozen = await drill.replica();
    await sleep(200); // It blocks in its read now.
    frozen.signal('SIGSTOP');
    const inFlight = load({ count: 1, msMin: 90_000, timeoutMs: 60_000 });
    await until(async () => (await drill.consumers()).some(({ pending }) => pending > 0), 'a request fetched');
    const other = await drill.replica();
    const { replica } = await drill.recorded('start', 0);
    expect(replica).toBe(other.name);
    frozen.signal('SIGCONT');
    await sleep(1_000);
    const pendingOfOther = Math.max(...(await drill.consumers()).map(({ pending }) => pending));
    const killedAt = Date.now();
    other.signal('SIGKILL');
    const [outcome] = await inFlight;

    report({ pendingOfOther, outcome: outcome?.code, heardAfterMs: rounded((outcome?.endedAt ?? NaN) - killedAt) });
    expect(outcome).toMatchObject({ code: 'replica_lost', started: true });
    expect(await drill.startedTwice()).toEqual([]);
  });

  it('leaves an idempotent request to whoever runs it again, and takes it back when that one dies', async () => {
    const replicas = await drill.replicas(2);
    const inFlight = load({ count: 1, msMin: 5_000, timeoutMs: 30_000, contract: 'workAgain' });
    const first = await drill.recorded('start', 0);
    const frozen = replicas.find(({ name }) => name === first.replica);
    const other = replicas.find(({ name }) => name !== first.replica);
    frozen?.signal('SIGSTOP');
    await until(
      async () => (await drill.journal()).some(({ event, replica }) => event === 'start' && replica === other?.name),
      'a second start, elsewhere',
    );
    frozen?.signal('SIGCONT');
    await drill.recorded('abort', 0);
    await sleep(500);
    const pendingOfOther = Math.max(...(await drill.consumers()).map(({ pending }) => pending));
    other?.signal('SIGKILL');
    const [outcome] = await inFlight;

    report({ pendingOfOther, outcome: outcome?.code });
    expect(pendingOfOther).toBe(1);
    expect(outcome).toMatchObject({ code: 'ok', by: first.replica });
  });
});

describe('what is abandoned', () => {
  it('goes away: the reply stream of a killed caller expires, and what was running for it is aborted', async () => {
    await drill.replica();
    const doomed = await drill.caller();
    const streams = load({ count: 1, timeoutMs: 60_000, parts: { parts: 1_000, bytes: 10, everyMs: 50 } }, doomed);
    const ended = streams.then(
      () => 'answered',
      (error: Error) => error.message,
    );
    await drill.recorded('start', 0);
    const keys = await drill.redis.keys('tollgate:{replies:*');
    doomed.signal('SIGKILL');
    expect(await ended).toContain('SIGKILL');
    const ttls = await Promise.all(keys.map((key) => drill.redis.pttl(key)));
    report({ ttls });
    for (const ttl of ttls) expect(ttl).toBeGreaterThan(0);
    for (const ttl of ttls) expect(ttl).toBeLessThanOrEqual(30_000);
    if (scale === 1) await drill.redis.del(...keys); // Instead of waiting for half a minute.
    await until(async () => (await drill.journal()).some(({ event }) => event === 'abort'), 'its abort', 45_000);
    await until(() => drill.queueIsEmpty(), 'an empty queue');
  });

  it('goes away: survivors remove dead consumers, and the last replica takes the empty stream with it', async () => {
    const [dead, ...survivors] = await drill.replicas(3);
    await load({ count: 100, msMin: 1, timeoutMs: 10_000 });
    const killedAt = Date.now();
    dead?.signal('SIGKILL');
    await until(async () => (await drill.consumers()).length === 2, 'two consumers');
    report({ deadConsumerRemovedAfterMs: Date.now() - killedAt });
    for (const survivor of survivors) {
      survivor.signal('SIGTERM');
      expect(await survivor.exited).toBe(0);
    }
    await caller.ask('stop');
    caller.signal('SIGKILL');
    const keys = await drill.redis.keys('*');
    expect(keys.filter((key) => !/replies:|:started:/.test(key))).toEqual([]);
    for (const key of keys) expect(await drill.redis.pttl(key)).toBeGreaterThan(0);
  });

  it('goes away: the queue and heartbeat of a service whose last replica was killed expire', async () => {
    const [last] = await drill.replicas(1);
    last?.signal('SIGKILL');
    await last?.exited;
    const keys = await drill.redis.keys('tollgate:{drill}:*');
    expect(keys).toContain('tollgate:{drill}:requests');
    const ttls = await Promise.all(keys.map(async (key) => ({ key, ttl: await drill.redis.pttl(key) })));
    expect(ttls.filter(({ ttl }) => ttl <= 0)).toEqual([]);
  });
});
