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

  it('shows progress and partial results, asks no more at once than the plan allows, and stops when it is cancelled', async () => {
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
    expect(atOnce).toBeLessThanOrEqual(2);

    await router.as(caller, () => router.messages.send(cancelBatch, { id: batch.id }));
    const cancelled = await finished(caller, batch);
    const { progress } = cancelled;
    expect(cancelled.status).toBe('cancelled');
    expect(progress.pending).toBe(0);
    expect(progress.cancelled).toBeGreaterThan(5);
    expect(progress.completed + progress.cancelled).toBe(20);
    const asked = router.local.calls().length;
    expect((await router.as(caller, () => router.messages.send(cancelBatch, { id: batch.id }))).status).toBe(
      'cancelled',
    );
    expect(router.local.calls()).toHaveLength(asked);
    expect(asked).toBeLessThan(20);
  }, 30_000);

  it('waits for the older ones of its account, so that together they ask no more at once than the plan allows', async () => {
    const caller = await router.newCaller('free');
    router.local.setPace({ firstTokenMs: 50 });
    const batches = [];
    for (let count = 0; count < 3; count += 1) batches.push(await create(caller, { prompts: prompts(4) }));
    let atOnce = 0;
    const watch = setInterval(() => {
      atOnce = Math.max(atOnce, router.local.calls().filter(({ outcome }) => outcome === 'running').length);
    }, 5);
    for (const batch of batches) await finished(caller, batch);
    clearInterval(watch);
    expect(router.local.calls()).toHaveLength(12);
    expect(atOnce).toBe(2);
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
