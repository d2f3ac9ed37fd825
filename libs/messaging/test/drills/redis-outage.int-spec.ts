// Redis dies, freezes and comes back empty under load. See drill.ts.
import { setTimeout as sleep } from 'node:timers/promises';
import { Drill, HANGS_AFTER_MS, report, rounded, scale, tally, type Load, type Outcome } from './drill.js';
import type { DrillProcess } from './drill-child.js';

jest.setTimeout(HANGS_AFTER_MS);

const TIMEOUT_MS = 8_000;
/** Time for an answer to be handed to the test, on a busy machine, after its deadline. */
const LATE_MS = 1_000;

let drill: Drill;
let caller: DrillProcess;
const load = (input: Load) => caller.ask<Outcome[]>('load', input);

async function startDrill(options: { persistent: boolean }) {
  drill = await Drill.start(options);
  await drill.replicas(3);
  caller = await drill.caller();
}

afterEach(() => drill.stop());

/** What must hold whatever happened to Redis, which was away in between these times. */
async function expectHonesty(outcomes: readonly Outcome[], outages: readonly [goneAt: number, backAt: number][]) {
  /** Touched by an outage, or sent when everyone may not have recovered from it yet. */
  const isAffected = ({ sentAt, endedAt }: Outcome) =>
    outages.some(([goneAt, backAt]) => endedAt >= goneAt && sentAt < backAt + 2_000);
  const affected = outcomes.filter(isAffected);
  const others = outcomes.filter((outcome) => !isAffected(outcome));
  const [, backAt = NaN] = outages.at(-1) ?? [];
  const lastFailureAt = Math.max(...outcomes.filter(({ code }) => code !== 'ok').map(({ sentAt }) => sentAt));
  const slowest = Math.max(...outcomes.map(({ sentAt, endedAt }) => endedAt - sentAt));
  report({
    affected: tally(affected),
    others: tally(others),
    lastFailureSentAfterReturnMs: rounded(lastFailureAt - backAt),
    slowestMs: rounded(slowest),
  });
  const honest = ['deadline_exceeded', 'ok', 'replica_lost', 'reply_lost', 'unavailable'];
  expect(Object.keys(tally(affected)).filter((code) => !honest.includes(code))).toEqual([]);
  expect(others.some(({ sentAt }) => sentAt > backAt)).toBe(true);
  expect(tally(others)).toEqual({ ok: others.length });
  expect(slowest).toBeLessThan(TIMEOUT_MS + LATE_MS);
  expect(await drill.startedTwice()).toEqual([]);
}

describe('when Redis', () => {
  it.each([
    ['with all it knew', false],
    ['without its last second', true],
  ])(
    'is killed and comes back %s, every request ends by its deadline, none runs twice, new ones succeed',
    async (_, hasForgotten) => {
      await startDrill({ persistent: true });
      const outcomes = load({ everyMs: 8, msMin: 20, msMax: 220, timeoutMs: TIMEOUT_MS });
      const outages: [goneAt: number, backAt: number][] = [];
      for (let outage = 0; outage < scale; outage += 1) {
        await sleep(1_500);
        const bytes = await drill.appendOnlyBytes();
        await sleep(1_000);
        const goneAt = Date.now();
        await drill.killRedis();
        if (hasForgotten) await drill.forgetAfter(bytes);
        await drill.restartRedis();
        outages.push([goneAt, Date.now()]);
        await sleep(4_000);
      }
      await caller.ask('stop');

      await expectHonesty(await outcomes, outages);
    },
  );

  it('freezes under load, every request ends by its deadline, none runs twice and no living replica is declared dead', async () => {
    await startDrill({ persistent: false });
    const outcomes = load({ everyMs: 8, msMin: 20, msMax: 220, timeoutMs: TIMEOUT_MS });
    await sleep(1_000);
    const pid = await drill.redisPid();
    const goneAt = Date.now();
    process.kill(pid, 'SIGSTOP');
    await sleep(scale > 1 ? 10_000 : 4_000);
    process.kill(pid, 'SIGCONT');
    const backAt = Date.now();
    await sleep(4_000);
    await caller.ask('stop');

    await expectHonesty(await outcomes, [[goneAt, backAt]]);
    expect(tally(await outcomes)).not.toHaveProperty('replica_lost');
    expect((await drill.consumers()).filter(({ isAlive }) => !isAlive)).toEqual([]);
  });

  it('comes back empty, calls in flight end at once and not at their deadline, and new ones succeed', async () => {
    await startDrill({ persistent: false });
    const long = load({ count: 12, msMin: 20_000, timeoutMs: 40_000 });
    await drill.recorded('start', 11);
    const before = load({ first: 1_000, everyMs: 20, msMin: 5, timeoutMs: TIMEOUT_MS });
    await sleep(500);
    const goneAt = Date.now();
    await drill.killRedis();
    await drill.restartRedis();
    const backAt = Date.now();
    const inFlight = await long;
    const heardAfterMs = Math.max(...inFlight.map(({ endedAt }) => endedAt)) - backAt;
    await sleep(3_500);
    await caller.ask('stop');

    report({ inFlight: tally(inFlight), heardAfterMs: rounded(heardAfterMs) });
    expect(tally(inFlight)).toEqual({ reply_lost: 12 });
    expect(heardAfterMs).toBeLessThan(TIMEOUT_MS);
    await expectHonesty(await before, [[goneAt, backAt]]);
  });

  it('is back before a replica that was told to stop has drained, what the replica was running is answered', async () => {
    drill = await Drill.start({ persistent: true });
    const replica = await drill.replica();
    caller = await drill.caller();
    const inFlight = load({ count: 8, msMin: 1_500, timeoutMs: TIMEOUT_MS });
    await drill.recorded('start', 7);
    await drill.killRedis();
    replica.signal('SIGTERM');
    await sleep(1_000);
    await drill.restartRedis();
    const outcomes = await inFlight;

    report({ tally: tally(outcomes) });
    expect(await replica.exited).toBe(0);
    expect(tally(outcomes)).toEqual({ ok: 8 });
    expect(await drill.startedTwice()).toEqual([]);
  });

  it('stays away, a replica that was told to stop ends by itself', async () => {
    await startDrill({ persistent: false });
    const inFlight = load({ count: 8, msMin: 500, timeoutMs: TIMEOUT_MS });
    await drill.recorded('start', 7);
    await drill.killRedis();
    const toldAt = Date.now();
    for (const replica of drill.replicasRunning()) replica.signal('SIGTERM');
    const codes = await Promise.all(drill.replicasRunning().map(({ exited }) => exited));

    report({ endedAfterMs: Date.now() - toldAt, tally: tally(await inFlight) });
    expect(codes).toEqual([0, 0, 0]);
    expect(Object.keys(tally(await inFlight))).toEqual(['unavailable']);
  });
});
