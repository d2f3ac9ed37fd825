// Replicas and Redis die between a fence and its answer, for which a lone request does not wait. See drill.ts.
import { setTimeout as sleep } from 'node:timers/promises';
import { Drill, HANGS_AFTER_MS, report, scale, tally, until, type Load, type Outcome } from './drill.js';
import type { DrillProcess } from './drill-child.js';

jest.setTimeout(HANGS_AFTER_MS);

const TRIES = 10;

let drill: Drill;
let caller: DrillProcess;
const load = (input: Load) => caller.ask<Outcome[]>('load', input);

async function startDrill(options: { persistent: boolean }): Promise<void> {
  drill = await Drill.start(options);
  caller = await drill.caller();
}

afterEach(() => drill.stop());

/**
 * A handler that was started while its fence lay unread in a socket of Redis, which stands still: its replica is stopped,
 * is handed the request, and goes on when Redis does not. On a slow machine it sees that it has been stopped for too long
 * to be sure, and waits; then it is tried again.
 */
async function startedUnread(
  msMin: number,
): Promise<{ victim: DrillProcess; redisPid: number; answer: Promise<Outcome[]> }> {
  const redisPid = await drill.redisPid();
  for (let n = 0; n < TRIES; n += 1) {
    const victim = await drill.replica();
    await drill.replica(); // Its read comes second, so the victim is served first.
    victim.signal('SIGSTOP');
    const answer = load({ first: n, count: 1, msMin, timeoutMs: 20_000 });
    await until(async () => (await drill.consumers()).some(({ pending }) => pending > 0), 'a request fetched');
    process.kill(redisPid, 'SIGSTOP');
    victim.signal('SIGCONT');
    await sleep(250);
    if ((await drill.starts()).has(n)) return { victim, redisPid, answer };
    process.kill(redisPid, 'SIGCONT');
    await answer;
    for (const replica of drill.replicasRunning()) replica.signal('SIGTERM');
    await Promise.all(drill.replicasRunning().map(({ exited }) => exited));
  }
  throw new Error('no handler was started before its fence was read');
}

describe('a request whose handler has started before its fence was answered', () => {
  it('is not run again when its replica dies in the first line of the handler', async () => {
    await startDrill({ persistent: false });
    const deaths = scale > 1 ? 20 : 4;
    await drill.replicas(2);
    const outcomes: Outcome[] = [];
    for (let n = 0; n < deaths; n += 1) {
      const replacement = drill.replica();
      outcomes.push(...(await load({ first: n, count: 1, contract: 'die', timeoutMs: 20_000 })));
      await replacement;
    }
    report({ outcomes: tally(outcomes) });
    expect(tally(outcomes)).toEqual({ replica_lost: deaths });
    for (const { started } of outcomes) expect(started).toBe(true);
    expect((await drill.starts()).size).toBe(deaths);
    expect(await drill.startedTwice()).toEqual([]);
  });

  it('is not run again when its replica dies while Redis stands still and has not read the fence', async () => {
    await startDrill({ persistent: false });
    const { victim, redisPid, answer } = await startedUnread(1_000);
    victim.signal('SIGKILL');
    await victim.exited;
    await sleep(2_000); // Its heartbeat has expired when Redis goes on.
    process.kill(redisPid, 'SIGCONT');
    const [outcome] = await answer;

    report({ outcome: outcome?.code });
    // A caller that has waited for a silent Redis for too long gives up by itself.
    expect(['replica_lost', 'unavailable']).toContain(outcome?.code);
    await sleep(4_000); // Others have judged by now.
    expect(await drill.startedTwice()).toEqual([]);
    await until(() => drill.queueIsEmpty(), 'an empty queue');
  });

  it('is answered, and not run again, when Redis dies without having read the fence', async () => {
    await startDrill({ persistent: true });
    const { redisPid, answer } = await startedUnread(4_000);
    await drill.killRedis(redisPid);
    await drill.restartRedis();
    const [outcome] = await answer;

    report({ outcome: outcome?.code });
    expect(outcome?.code).toBe('ok');
    expect(await drill.startedTwice()).toEqual([]);
    const [fence = ''] = await drill.redis.keys(`*:started:*`);
    expect(await drill.redis.pttl(fence)).toBeGreaterThan(0);
    await until(() => drill.queueIsEmpty(), 'an empty queue');
  });
});
