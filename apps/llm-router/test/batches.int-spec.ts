import {
  cancelBatch,
  createBatch,
  CreateBatchRequest,
  getBatch,
  listBatches,
  readBatchResults,
  type Batch,
  type BatchResult,
  type Caller,
} from '@tollgate/contracts';
import { eventually, failureOf } from '@tollgate/testing';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { startRouter, type RouterUnderTest } from './router-under-test.js';

let router: RouterUnderTest;

beforeAll(async () => {
  router = await startRouter();
});
afterEach(() => {
  router.local.reset();
  router.cloud.reset();
});
afterAll(() => router.stop());

const prompts = (count: number, text = 'Prompt') => Array.from({ length: count }, (_, index) => `${text} ${index}`);

const create = (caller: Caller, body: object) =>
  router.as(caller, () => router.messages.send(createBatch, CreateBatchRequest.parse(body)));

const get = (caller: Caller, { id }: Batch) => router.as(caller, () => router.messages.send(getBatch, { id }));

async function results(caller: Caller, { id }: Batch, page = { offset: 0, limit: 1_000 }): Promise<BatchResult[]> {
  const found: BatchResult[] = [];
  await router.as(caller, async () => {
    for await (const result of router.messages.stream(readBatchResults, { id, ...page })) found.push(result);
  });
  return found;
}

const finished = (caller: Caller, batch: Batch) =>
  eventually(
    () => get(caller, batch),
    ({ finished_at: finishedAt }) => finishedAt !== null,
    20_000,
  );

describe('a batch', () => {
  it('is answered prompt by prompt, in the order of its prompts, with every answer in the ledger', async () => {
    const caller = await router.newCaller('pro');
    const batch = await create(caller, { prompts: prompts(120), system: 'Be brief.', max_tokens: 50 });
    expect(batch).toMatchObject({ status: 'queued', progress: { total: 120, pending: 120 } });
    const done = await finished(caller, batch);
    expect(done).toMatchObject({ status: 'completed', progress: { completed: 120, pending: 0, failed: 0 } });
    expect(Date.parse(done.expires_at) - Date.parse(done.finished_at ?? '')).toBe(24 * 3_600_000);

    const all = await results(caller, batch);
    expect(all.map(({ index }) => index)).toEqual(prompts(120).map((_, index) => index));
    for (const { index, response } of all) expect(response).toContain(`Prompt ${index}`);
    expect((await results(caller, batch, { offset: 60, limit: 3 })).map(({ index }) => index)).toEqual([60, 61, 62]);
    expect(router.cloud.calls()).toHaveLength(120);
    const rows = await router.attemptsOf(caller);
    expect(rows).toHaveLength(120);
    expect(new Set(rows.map(({ requestId }) => requestId)).size).toBe(120);
  }, 30_000);

  it('shows progress and partial results, asks no more at once than the plan allows, and has nothing pending once it is cancelled', async () => {
    const caller = await router.newCaller('free');
    router.local.setPace({ firstTokenMs: 150 });
    const batch = await create(caller, { prompts: prompts(20) });
    let atOnce = 0;
    const partial = await eventually(
      () => {
        atOnce = Math.max(atOnce, router.local.calls().filter(({ outcome }) => outcome === 'running').length);
        return get(caller, batch);
      },
      ({ progress }) => progress.completed >= 4,
      10_000,
    );
    expect(partial.status).toBe('running');
    expect(await results(caller, batch)).not.toHaveLength(0);
    expect(atOnce).toBe(1);

    const behind = await create(caller, { prompts: prompts(3) });
    for (const { id, progress: before } of [behind, partial]) {
      const cancelled = await router.as(caller, () => router.messages.send(cancelBatch, { id }));
      const { progress, finished_at: finishedAt } = cancelled;
      expect([cancelled.status, progress.pending]).toEqual(['cancelled', 0]);
      expect(finishedAt).not.toBeNull();
      expect(progress.completed + progress.cancelled).toBe(before.total);
    }
    expect((await results(caller, behind)).map(({ status }) => status)).toEqual(Array(3).fill('cancelled'));
    await eventually(
      () => Promise.resolve(router.local.calls()),
      (calls) => calls.every(({ outcome }) => outcome !== 'running'),
    );
    const asked = router.local.calls().length;
    expect((await router.as(caller, () => router.messages.send(cancelBatch, { id: batch.id }))).status).toBe(
      'cancelled',
    );
    expect(router.local.calls()).toHaveLength(asked);
    expect(asked).toBeLessThan(20);
  }, 30_000);

  it('waits for the older ones of its account, so that together they ask no more at once than the plan allows', async () => {
    const caller = await router.newCaller('pro');
    router.cloud.setPace({ firstTokenMs: 50 });
    const batches = [];
    for (let count = 0; count < 3; count += 1) batches.push(await create(caller, { prompts: prompts(4) }));
    let atOnce = 0;
    const watch = setInterval(() => {
      atOnce = Math.max(atOnce, router.cloud.calls().filter(({ outcome }) => outcome === 'running').length);
    }, 5);
    for (const batch of batches) await finished(caller, batch);
    clearInterval(watch);
    expect(router.cloud.calls()).toHaveLength(12);
    expect(atOnce).toBeLessThanOrEqual(4);
  }, 30_000);

  it('goes on when a prompt fails, and asks it again when the failure passes', async () => {
    const caller = await router.newCaller('free');
    const oversized = 'word '.repeat(9_000);
    router.local.setFault({ kind: 'status', status: 503, times: 3 });
    const batch = await create(caller, { prompts: ['one', oversized, 'three'], model: 'gemma3:4b' });
    await finished(caller, batch);
    const [first, second, third] = await results(caller, batch);
    expect([first?.status, second?.status, third?.status]).toEqual(['completed', 'failed', 'completed']);
    expect(second?.error?.code).toBe('context_length_exceeded');
  }, 30_000);

  it('asks nothing more when its account is suspended, and says why', async () => {
    const caller = await router.newCaller('free');
    router.local.setPace({ firstTokenMs: 200 });
    const batch = await create(caller, { prompts: prompts(20) });
    await eventually(
      () => get(caller, batch),
      ({ progress }) => progress.completed >= 1,
      10_000,
    );
    await router.suspendAccount(caller);
    const { progress } = await finished(caller, batch);
    expect(progress.completed).toBeLessThan(20);
    expect(router.local.calls()).toHaveLength(progress.completed);
    const failed = (await results(caller, batch)).filter(({ status }) => status === 'failed');
    expect(new Set(failed.map(({ error }) => error?.code))).toEqual(new Set(['account_suspended']));
  }, 30_000);

  it('asks the same prompt once where the cache may be used', async () => {
    const caller = await router.newCaller('free');
    const batch = await create(caller, { prompts: Array.from({ length: 10 }, () => 'the same'), use_cache: true });
    await finished(caller, batch);
    expect(router.local.calls()).toHaveLength(1);
    expect((await results(caller, batch)).filter(({ cache_hit: isHit }) => isHit)).toHaveLength(9);
  }, 30_000);

  it('of another account is not found, and not listed', async () => {
    const [caller, other] = [await router.newCaller('free'), await router.newCaller('pro')];
    const batch = await create(caller, { prompts: ['mine'] });
    for (const contract of [getBatch, cancelBatch]) {
      const asking = router.as(other, () => router.messages.send(contract, { id: batch.id }));
      expect((await failureOf(asking)).code).toBe('not_found');
    }
    expect((await failureOf(results(other, batch))).code).toBe('not_found');
    const list = (caller: Caller) => router.as(caller, () => router.messages.send(listBatches, {}));
    expect((await list(other)).data).toEqual([]);
    expect((await list(caller)).data).toMatchObject([{ id: batch.id }]);
    await finished(caller, batch);
  }, 30_000);

  it('with a model that the plan does not have is refused at once', async () => {
    const caller = await router.newCaller('free');
    const error = await failureOf(create(caller, { prompts: ['x'], model: 'llama-4-maverick' }));
    expect(error.code).toBe('model_not_allowed');
  });

  it('whose queue was lost with Redis is found again', async () => {
    const caller = await router.newCaller('free');
    router.local.setPace({ firstTokenMs: 300 });
    const batch = await create(caller, { prompts: prompts(4) });
    const redis = router.cacheConnection();
    const lost = await redis.keys('tollgate:llm-batches:*');
    if (lost.length > 0) await redis.del(lost);
    await router.restartBatches();
    await finished(caller, batch);
    expect((await results(caller, batch)).map(({ status }) => status)).toEqual(Array(4).fill('completed'));
  }, 30_000);
});

describe('a batch and the other calls of its account', () => {
  const plenty = { callsPerDay: 1_000, requestsPerMinute: 10_000, concurrentRequests: 4 };
  const callerWith = async (limits: object) => {
    const code = await router.newPlan(1_000_000, { ...plenty, ...limits });
    return { caller: await router.newCaller(code), code };
  };
  const otherCall = ({ account_id: accountId }: Caller, max = { minute: 10_000, day: 1_000, atOnce: 4 }) =>
    router.slots.take(accountId, randomUUID(), max);
  /** One that is over at once. */
  async function shortCall({ account_id: accountId }: Caller, minute: number) {
    const id = randomUUID();
    const { refusedBy } = await router.slots.take(accountId, id, { minute, day: 1_000, atOnce: 4 });
    if (!refusedBy) await router.slots.end(accountId, id, { giveBack: false });
    return refusedBy;
  }
  const completed = (caller: Caller, batch: Batch, count: number) =>
    eventually(
      () => get(caller, batch),
      ({ progress }) => progress.completed === count,
      10_000,
    );
  /** Long enough for a batch that would not wait. */
  const A_WHILE_MS = 1_000;

  it('share the requests a minute: it waits for what they use, fails nothing, and leaves some of them', async () => {
    const { caller, code } = await callerWith({ requestsPerMinute: 8 });
    for (let call = 0; call < 4; call += 1) expect(await shortCall(caller, 8)).toBeUndefined();
    const batch = await create(caller, { prompts: prompts(5) });
    await completed(caller, batch, 2);
    await sleep(A_WHILE_MS);
    expect(await get(caller, batch)).toMatchObject({ status: 'running', progress: { completed: 2, pending: 3 } });
    const more = [await shortCall(caller, 8), await shortCall(caller, 8), await shortCall(caller, 8)];
    expect(more).toEqual([undefined, undefined, 'minute']);

    await router.changePlan(code, { requestsPerMinute: 10_000 });
    expect((await finished(caller, batch)).progress).toMatchObject({ completed: 5, failed: 0 });
  }, 30_000);

  it('share the calls at once, of which one is left to them', async () => {
    const { caller } = await callerWith({ concurrentRequests: 2 });
    const id = randomUUID();
    await router.slots.take(caller.account_id, id, { minute: 10_000, day: 1_000, atOnce: 2 });
    router.cloud.setPace({ firstTokenMs: 700 });
    await create(caller, { prompts: prompts(2) });
    await sleep(A_WHILE_MS);
    expect(router.cloud.calls()).toHaveLength(0);
    await router.slots.end(caller.account_id, id, { giveBack: false });
    await eventually(
      () => Promise.resolve(router.cloud.calls()),
      (calls) => calls.length === 1,
    );
    const two = { minute: 10_000, day: 1_000, atOnce: 2 };
    const beside = [await otherCall(caller, two), await otherCall(caller, two)];
    expect(beside.map(({ refusedBy }) => refusedBy)).toEqual([undefined, 'at_once']);
  }, 30_000);

  it('share the calls of a day: it waits for a day, or a plan, that has more of them', async () => {
    const { caller, code } = await callerWith({ callsPerDay: 4 });
    await otherCall(caller);
    const batch = await create(caller, { prompts: prompts(5) });
    await completed(caller, batch, 3);
    await sleep(A_WHILE_MS);
    expect(await get(caller, batch)).toMatchObject({ status: 'running', progress: { completed: 3, pending: 2 } });
    expect((await otherCall(caller, { minute: 10_000, day: 4, atOnce: 4 })).refusedBy).toBe('day');
    await router.changePlan(code, { callsPerDay: 1_000 });
    expect((await finished(caller, batch)).progress).toMatchObject({ completed: 5, failed: 0 });
    expect((await router.usageOf(caller)).day.calls).toBe(5);
  }, 30_000);

  it('share the tokens of the month: what does not fit fails with the reason', async () => {
    const poor = await router.newCaller(await router.newPlan(10, plenty));
    const batch = await create(poor, { prompts: prompts(2) });
    await finished(poor, batch);
    for (const { status, error } of await results(poor, batch)) {
      expect([status, error?.code]).toEqual(['failed', 'insufficient_quota']);
    }
    expect((await otherCall(poor)).counts.day).toBe(1);
  });

  it('are by the plan of now: a batch goes on by the plan to which its account has changed', async () => {
    const { caller } = await callerWith({ requestsPerMinute: 2 });
    const batch = await create(caller, { prompts: prompts(3) });
    await completed(caller, batch, 1);
    await router.changeAccount(caller, 'pro');
    expect((await finished(caller, batch)).progress.completed).toBe(3);
    expect((await router.attemptsOf(caller)).map(({ tier }) => tier)).toEqual([caller.tier, 'pro', 'pro']);
  }, 30_000);
});
