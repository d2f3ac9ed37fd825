// Connections of a replica or of its caller that break while streams run. See drill.ts.
import { setTimeout as sleep } from 'node:timers/promises';
import { Drill, HANGS_AFTER_MS, report, scale, tally, until, type Load, type Outcome } from './drill.js';
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

describe('the connection that a replica writes parts to', () => {
  /** Breaks it again and again, and no other, until the streams have ended. Resolves to how often. */
  async function breakWhile(streams: Promise<unknown>, others: ReadonlySet<string>): Promise<number> {
    let isOver = false;
    void streams.finally(() => (isOver = true));
    let times = 0;
    while (!isOver) {
      // The first one is looked for closely: parts that are written as fast as can be are few milliseconds of work.
      await sleep(times === 0 ? 5 : 150);
      const connections = [...(await drill.connections())];
      const writing = connections.find(([id, command]) => !others.has(id) && ['publish', 'xadd'].includes(command));
      if (!writing || isOver) continue;
      expect(await drill.breakConnection(writing[0])).toBe(true);
      times += 1;
    }
    return times;
  }

  it.each([
    ['at the pace of a model', { count: 32, parts: { parts: 150 * scale, bytes: 20, everyMs: 10 } }],
    ['faster than they can be read', { count: 4, parts: { parts: 20_000 * scale, bytes: 20, everyMs: 0 } }],
    ['one after the other', { count: 300 * scale, everyMs: 5, parts: { parts: 5, bytes: 20, everyMs: 2 } }],
  ])('may break alone in mid-stream: parts written %s arrive once and in order', async (_, streams) => {
    const others = new Set((await drill.connections()).keys());
    await drill.replica({ slots: 64 });
    const outcomes = load({ timeoutMs: 60_000 * scale, ...streams });
    await drill.recorded('start', 0);
    const breaks = await breakWhile(outcomes, others);

    report({ breaks, streams: tally(await outcomes) });
    expect(breaks).toBeGreaterThan(0);
    expect(tally(await outcomes)).toEqual({ ok: streams.count });
    expect(await drill.startedTwice()).toEqual([]);
    // Those of the caller are the ones it had.
    expect([...(await drill.connections()).keys()]).toEqual(expect.arrayContaining([...others]));
    await until(() => drill.queueIsEmpty(), 'an empty queue');
  });
});

describe('the connections that a caller hears answers on', () => {
  it('may break again and again: no answer is lost and no part of one', async () => {
    await drill.replicas(2);
    const reader = await drill.caller();
    const requests = load({ everyMs: 4, msMin: 5, msMax: 40, timeoutMs: 10_000 });
    const parts = { parts: 40, bytes: 20, everyMs: 20 };
    const streams = load({ first: 1_000_000, everyMs: 30, timeoutMs: 10_000, parts }, reader);
    for (let round = 0; round < 10 * scale; round += 1) {
      await sleep(300);
      expect(await drill.breakSubscriptions()).toBeGreaterThan(0);
    }
    await Promise.all([caller.ask('stop'), reader.ask('stop')]);
    const [answers, read] = await Promise.all([requests, streams]);

    report({ requests: tally(answers), streams: tally(read) });
    expect(tally(answers)).toEqual({ ok: answers.length });
    expect(tally(read)).toEqual({ ok: read.length });
    expect(await drill.startedTwice()).toEqual([]);
    await until(() => drill.queueIsEmpty(), 'an empty queue');
  });
});
