import { setImmediate as turn } from 'node:timers/promises';
import { FairQueue } from './fair-queue.js';

const never = new AbortController().signal;

/** Records who gets in, in order; each leaves when told to. */
function newHall(atOnce: number, waitingMax = 100) {
  const queue = new FairQueue(atOnce, waitingMax);
  const entered: string[] = [];
  const leaves: (() => void)[] = [];
  const enter = async (name: string, signal: AbortSignal = never) => {
    const leave = await queue.enter(name.charAt(0), signal);
    entered.push(name);
    leaves.push(leave);
  };
  const leaveAll = async () => {
    for (let leave = leaves.shift(); leave; leave = leaves.shift()) {
      leave();
      await turn();
    }
  };
  return { queue, entered, leaves, enter, leaveAll };
}

describe('the queue of a provider', () => {
  it('gives accounts their turns, however many requests one of them has', async () => {
    const { entered, enter, leaveAll } = newHall(1);
    const all = ['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1'].map((name) => enter(name));
    await turn();
    await leaveAll();
    await Promise.all(all);
    expect(entered).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2', 'a4']);
  });

  it('never has more inside than it may, and no place is lost or given twice', async () => {
    const { queue } = newHall(3);
    let inside = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const leave = await queue.enter(String(index % 4), never);
        most = Math.max(most, (inside += 1));
        await turn();
        inside -= 1;
        leave();
        leave();
      }),
    );
    expect([most, inside]).toEqual([3, 0]);
    await Promise.all([1, 2, 3].map(() => queue.enter('a', never)));
  });

  it('is left by who is aborted, with the reason, and by nobody else', async () => {
    const { entered, enter, leaveAll } = newHall(1);
    const controller = new AbortController();
    const first = enter('a1');
    const aborted = enter('a2', controller.signal);
    const last = enter('a3');
    controller.abort(new Error('gone'));
    await expect(aborted).rejects.toThrow('gone');
    await leaveAll();
    await Promise.all([first, last]);
    expect(entered).toEqual(['a1', 'a3']);
    await expect(enter('a4', controller.signal)).rejects.toThrow('gone');
  });

  it('when full refuses the account that has most of it, and lets others in', async () => {
    const { enter, entered, leaveAll } = newHall(1, 3);
    const inside = enter('a1');
    const waiting = [enter('a2'), enter('a3')];
    const evicted = enter('a4');
    const other = enter('b1');
    await expect(evicted).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 });
    await expect(enter('a5')).rejects.toMatchObject({ code: 'overloaded' });
    await leaveAll();
    await Promise.all([inside, ...waiting, other]);
    expect(entered).toEqual(['a1', 'a2', 'b1', 'a3']);
  });
});
