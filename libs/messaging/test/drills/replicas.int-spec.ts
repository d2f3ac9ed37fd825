// Replicas that share work, die and are replaced. See drill.ts.
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
  type Load,
  type Outcome,
} from './drill.js';
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

/** How long a replica ran nothing at most, while there was work for all. */
async function idleMsMax(replicas: readonly DrillProcess[]): Promise<number> {
  const journal = await drill.journal();
  const starts = journal.filter(({ event }) => event === 'start');
  const from = Math.max(...replicas.map(({ name }) => starts.find(({ replica }) => replica === name)?.at ?? Infinity));
  // The last requests cannot keep everyone busy.
  const to = starts.at(-100)?.at ?? from;
  let longest = 0;
  for (const { name } of replicas) {
    let running = 0;
    let idleSince = from;
    for (const { event, at } of journal.filter(({ replica }) => replica === name)) {
      if (at > to) break;
      if (event === 'start' && (running += 1) === 1 && at > from) longest = Math.max(longest, at - idleSince);
      if (event === 'end' && (running -= 1) === 0) idleSince = Math.max(at, from);
    }
  }
  return longest;
}

describe('replicas of one service', () => {
  it('handle each of 10,000 concurrent requests exactly once and share them fairly', async () => {
    const replicas = await drill.replicas(3);
    const startedAt = Date.now();
    const outcomes = await load({ count: 10_000, msMin: 5, timeoutMs: 60_000 });
    const seconds = (Date.now() - startedAt) / 1_000;

    const shares = Object.fromEntries(
      replicas.map(({ name }) => [name, outcomes.filter(({ by }) => by === name).length / outcomes.length]),
    );
    const idleMs = await idleMsMax(replicas);
    report({ seconds, shares, idleMsMax: rounded(idleMs), tally: tally(outcomes) });
    expect(tally(outcomes)).toEqual({ ok: 10_000 });
    expect((await drill.starts()).size).toBe(10_000);
    expect(await drill.startedTwice()).toEqual([]);
    for (const share of Object.values(shares)) expect(share).toBeGreaterThan(0.2);
    // None stands idle while the others have a queue: a replica that missed its share of a round trip is no defect.
    expect(idleMs).toBeLessThan(500);
    await until(() => drill.queueIsEmpty(), 'an empty queue');
  });

  it('give every request its one answer or replica_lost when some are killed at random moments', async () => {
    const kills = scale > 1 ? 20 : 3;
    const replicas = await drill.replicas(3);
    const again = await drill.caller();
    const timeoutMs = 10_000;
    const loads = Promise.all([
      load({ everyMs: 8, msMin: 20, msMax: 220, timeoutMs }),
      load({ first: 1_000_000, everyMs: 40, contract: 'workAgain', msMin: 20, msMax: 220, timeoutMs }, again),
    ]);
    const killed = new Map<string, number>();
    for (let kill = 0; kill < kills; kill += 1) {
      await sleep(500 + Math.random() * 1_000);
      const victim = replicas.shift();
      if (!victim) throw new Error('no replica left');
      victim.signal('SIGKILL');
      killed.set(victim.name, Date.now());
      replicas.push(await drill.replica());
    }
    await Promise.all([caller.ask('stop'), again.ask('stop')]);
    const [outcomes, idempotent] = await loads;

    const journal = await drill.journal();
    const startedBy = new Map(journal.flatMap(({ event, n, replica }) => (event === 'start' ? [[n, replica]] : [])));
    const lost = outcomes.filter(({ code }) => code === 'replica_lost');
    const heardAfterMs = lost.flatMap(({ n, endedAt }) => {
      const killedAt = killed.get(startedBy.get(n) ?? '');
      return killedAt === undefined ? [] : [endedAt - killedAt];
    });
    const onlyFenced = lost.filter(({ n }) => !startedBy.has(n));
    report({
      tally: tally(outcomes),
      onlyFenced: onlyFenced.length,
      idempotent: tally(idempotent),
      replicaLostAfterMs: { median: rounded(median(heardAfterMs)), max: rounded(Math.max(...heardAfterMs)) },
    });
    expect(Object.keys(tally(outcomes)).sort()).toEqual(lost.length > 0 ? ['ok', 'replica_lost'] : ['ok']);
    for (const { n, started } of lost) {
      expect(started).toBe(true);
      // Only what a killed replica had started, or had fenced in the very moment; the rest is answered, whoever had it.
      if (startedBy.has(n)) expect([...killed.keys()]).toContain(startedBy.get(n));
    }
    // Between a fence and its handler lies one round trip: few can be caught there.
    expect(onlyFenced.length).toBeLessThanOrEqual(lost.length / 2);
    expect((await drill.startedTwice()).filter((n) => n < 1_000_000)).toEqual([]);
    expect(tally(idempotent)).toEqual({ ok: idempotent.length });
    for (const { sentAt, endedAt } of [...outcomes, ...idempotent]) expect(endedAt - sentAt).toBeLessThan(timeoutMs);
    await until(() => drill.queueIsEmpty(), 'an empty queue');
    await until(async () => (await drill.consumers()).every(({ isAlive }) => isAlive), 'no dead consumers');
  });

  it('run what a dead replica had fetched and not started', async () => {
    const [victim] = await drill.replicas(3);
    await sleep(200); // All block in their reads now, and Redis hands each of them what comes.
    victim?.signal('SIGSTOP');
    const burst = load({ count: 48, msMin: 1, timeoutMs: 20_000 });
    await sleep(300);
    const started = (await drill.starts()).size;
    const killedAt = Date.now();
    victim?.signal('SIGKILL');
    const outcomes = await burst;

    const answeredAfterMs = Math.max(...outcomes.map(({ endedAt }) => endedAt - killedAt));
    report({ fetchedNotStarted: 48 - started, answeredAfterMs: rounded(answeredAfterMs) });
    expect(started).toBeLessThan(48);
    expect(tally(outcomes)).toEqual({ ok: 48 });
    expect(await drill.startedTwice()).toEqual([]);
    expect(answeredAfterMs).toBeLessThan(3_000); // 2 s, and room for a slow machine.
  });

  it('lose no request and cut no stream when all of them are replaced under load, one SIGTERM after the other', async () => {
    const replicas = await drill.replicas(3, { slots: 32 });
    const reader = await drill.caller();
    const timeoutMs = scale > 1 ? 60_000 : 20_000; // Longer than its streams.
    const loads = Promise.all([
      load({ everyMs: 8, msMin: 50, msMax: 200, timeoutMs }),
      load(
        {
          first: 1_000_000,
          everyMs: 300,
          timeoutMs,
          parts: { parts: 30, bytes: 50, everyMs: scale > 1 ? 1_000 : 100 },
        },
        reader,
      ),
    ]);
    await sleep(500);
    const codes: unknown[] = [];
    await drill.replica({ slots: 32 });
    for (const old of replicas) {
      old.signal('SIGTERM');
      const [code] = await Promise.all([old.exited, old === replicas.at(-1) || drill.replica({ slots: 32 })]);
      codes.push(code);
    }
    await Promise.all([caller.ask('stop'), reader.ask('stop')]);
    const [outcomes, streams] = await loads;

    report({ requests: tally(outcomes), streams: tally(streams), exitCodes: codes });
    expect(tally(outcomes)).toEqual({ ok: outcomes.length });
    expect(tally(streams)).toEqual({ ok: streams.length });
    expect(codes).toEqual([0, 0, 0]);
    expect(await drill.startedTwice()).toEqual([]);
    expect((await drill.consumers()).filter(({ isAlive }) => !isAlive)).toEqual([]);
    expect((await drill.consumers()).length).toBeLessThanOrEqual(3);
  });
});

describe('a rolling upgrade with added optional fields', () => {
  it('works between an old replica and a new caller', async () => {
    await drill.replica({ version: 'old' });
    expect(await caller.ask('greet', { name: 'Ada', title: 'Dr.' })).toMatchObject({ text: 'Ada' });
  });

  it('works between a new replica and an old caller', async () => {
    const old = await drill.caller({ version: 'old' });
    await drill.replica({ version: 'new' });
    expect(await old.ask('greet', { name: 'Ada' })).toMatchObject({ text: 'Ada' });
    expect(await caller.ask('greet', { name: 'Ada', title: 'Dr.' })).toEqual({ text: 'Dr. Ada', length: 7 });
  });
});
