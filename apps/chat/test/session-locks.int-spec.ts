import { failureOf, testRedisUrl } from '@tollgate/testing';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Bells } from '../src/coordination/bells.js';
import { ChatRedis, keys } from '../src/coordination/chat-redis.js';
import { SessionLocks } from '../src/coordination/session-locks.js';

/** Two replicas. */
let redis: [ChatRedis, ChatRedis];
let locks: [SessionLocks, SessionLocks];

beforeAll(async () => {
  redis = [new ChatRedis(testRedisUrl()), new ChatRedis(testRedisUrl())];
  for (const each of redis) await each.onModuleInit();
  locks = [new SessionLocks(redis[0], new Bells(redis[0])), new SessionLocks(redis[1], new Bells(redis[1]))];
});
afterAll(async () => {
  for (const each of redis) await each.onApplicationShutdown();
});

const wait = { onConflict: 'wait', waitMs: 10_000 } as const;

describe('the lock of a session', () => {
  it('goes to those who wait in the order of their asking, over all replicas', async () => {
    const session = randomUUID();
    const first = await locks[0].acquire(session, wait);
    const order: number[] = [];
    const waiting = [];
    for (let index = 0; index < 8; index += 1) {
      const replica = index % 2 === 0 ? locks[0] : locks[1];
      waiting.push(
        replica.acquire(session, wait).then(async (lock) => {
          order.push(index);
          await lock.release();
        }),
      );
      await sleep(20);
    }
    await first.release();
    await Promise.all(waiting);
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(await redis[0].commands.exists(keys.lock(session), keys.queue(session), keys.waiters(session))).toBe(0);
  });

  it('outlives an owner that died by less than five seconds, and one that lives for as long as it holds it', async () => {
    const session = randomUUID();
    const lock = await locks[0].acquire(session, wait);
    const { commands } = redis[0];
    const leftMs = () => commands.pttl(keys.lock(session));
    await commands.pexpire(keys.lock(session), 200);
    await lock.hold('message');
    expect(await leftMs()).toBeGreaterThan(3_000);
    expect(await leftMs()).toBeLessThan(5_000);
    // From here on as if it had been dead for almost so long.
    await commands.pexpire(keys.lock(session), 700);
    const diedAt = Date.now();
    const next = await locks[1].acquire(session, wait);
    expect(Date.now() - diedAt).toBeGreaterThan(600);
    expect(Date.now() - diedAt).toBeLessThan(3_000);
    expect(await lock.hold('message')).toBe('lost');
    await lock.release();
    expect(await locks[0].isTaken(session)).toBe(true);
    await next.release();
  });

  it('is not held up by a waiter that died', async () => {
    const session = randomUUID();
    const lock = await locks[0].acquire(session, wait);
    const { commands } = redis[0];
    await commands.takeLock(
      keys.lock(session),
      keys.queue(session),
      keys.waiters(session),
      'dead',
      4_000,
      1_500,
      'wait',
    );
    const next = locks[1].acquire(session, wait);
    await lock.release();
    const askedAt = Date.now();
    await (await next).release();
    expect(Date.now() - askedAt).toBeLessThan(4_000);
  });

  it('is refused at once to who does not want to wait, and in the end to who waited long enough', async () => {
    const session = randomUUID();
    const lock = await locks[0].acquire(session, wait);
    const refusals = [
      failureOf(locks[1].acquire(session, { onConflict: 'reject', waitMs: 10_000 })),
      failureOf(locks[1].acquire(session, { onConflict: 'wait', waitMs: 300 })),
    ];
    for (const refusal of refusals) expect(await refusal).toMatchObject({ code: 'session_busy' });
    await lock.release();
    await (await locks[1].acquire(session, { onConflict: 'reject', waitMs: 0 })).release();
  });

  it('that Redis forgot is taken again by its owner, unless somebody else has it', async () => {
    const session = randomUUID();
    const lock = await locks[0].acquire(session, wait);
    await redis[0].commands.del(keys.lock(session));
    await redis[0].commands.set(keys.followed(session, 'message'), '', 'PX', 5_000);
    expect(await lock.hold('message')).toBe('held');
    expect(await locks[1].isTaken(session)).toBe(true);
    await lock.release();
  });
});
