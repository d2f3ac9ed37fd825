import { Database } from '@tollgate/database';
import { CallSlots, CountersRedis } from '@tollgate/limits';
import { startRedis, type RunningServer } from '@tollgate/testing';
import { bootGateway, newUser, type Gateway } from './gateway.js';

const max = { minute: 10, day: 10, atOnce: 1 };

let redis: RunningServer;
let gateway: Gateway;
let slots: CallSlots;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await bootGateway({ REDIS_URL: redis.url, RATE_LIMIT_ENABLED: 'true' });
  slots = gateway.app.get(CallSlots);
}, 60_000);
afterAll(async () => {
  await gateway.close();
  await redis.stop();
}, 30_000);

async function newAccount(): Promise<string> {
  const { email } = await newUser(gateway);
  return (await gateway.app.get(Database).user.findFirstOrThrow({ where: { email } })).accountId;
}

// What is asked second on the same connection is certainly read later.
describe('a call that finds no slot', () => {
  it('gets that of a call whose end Redis has read a moment later', async () => {
    const accountId = await newAccount();
    await slots.take(accountId, 'first', max);
    const [second] = await Promise.all([
      slots.take(accountId, 'second', max),
      slots.end(accountId, 'first', { giveBack: false }),
    ]);
    expect(second).toMatchObject({ refusedBy: undefined, counts: { minute: 2, day: 2, running: 1 } });
  });

  it('is refused also when Redis forgets the day while it is asked', async () => {
    const accountId = await newAccount();
    await slots.take(accountId, 'first', max);
    const [second] = await Promise.all([
      slots.take(accountId, 'second', max),
      gateway.app.get(CountersRedis).ask((counters) => counters.del(`tollgate:limits:{${accountId}}:day`)),
    ]);
    expect(second).toMatchObject({ refusedBy: 'at_once', counts: { minute: 1, running: 1 } });
  });
});
