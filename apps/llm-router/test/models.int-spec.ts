import { clearCache, complete, describeLlmHealth, listModels, validateModel } from '@tollgate/contracts';
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

it('the list of models says what is there and what the plan has', async () => {
  const caller = await router.newCaller('free');
  const { default_model, models } = await router.as(caller, () => router.messages.send(listModels, {}));
  expect(default_model).toBe('gemma3:4b');
  expect(models.find(({ id }) => id === 'gemma3:4b')).toMatchObject({
    location: 'local',
    available: true,
    allowed: true,
  });
  expect(models.find(({ id }) => id === 'llama-4-maverick')).toMatchObject({ available: true, allowed: false });
  expect(models.find(({ id }) => id === 'gpt-4o-mini')).toMatchObject({ available: false });
});

it('a model is measured by a short answer, which stands in the ledger', async () => {
  const caller = await router.newCaller('free');
  router.local.setPace({ firstTokenMs: 50, tokensPerSecond: 100 });
  const validation = await router.as(caller, () => router.messages.send(validateModel, {}));
  expect(validation).toMatchObject({ model_available: true, model_name: 'gemma3:4b', model_size: '1.0GB' });
  expect(validation.performance_score).toBeGreaterThan(0);
  expect(validation.time_to_first_token_ms).toBeGreaterThanOrEqual(50);
  expect(validation.tokens_per_second).toBeGreaterThan(0);
  expect(await router.attemptsOf(caller)).toMatchObject([{ task: 'validate-model', model: 'gemma3:4b' }]);
});

it('a model that fails is said to be so, and one that the plan does not have is refused', async () => {
  const caller = await router.newCaller('free');
  router.local.setFault({ kind: 'status', status: 500, model: 'gemma3:12b' });
  const validation = await router.as(caller, () => router.messages.send(validateModel, { model: 'gemma3:12b' }));
  expect(validation).toMatchObject({ model_available: false, performance_score: 0, tokens_per_second: null });
  const refused = (model: string) => failureOf(router.as(caller, () => router.messages.send(validateModel, { model })));
  expect((await refused('llama-4-maverick')).code).toBe('model_not_allowed');
  expect((await refused('gpt-17')).code).toBe('model_not_found');
});

it('a user clears the answers of the own account, and only an admin those of all', async () => {
  const [caller, other] = [await router.newCaller('free'), await router.newCaller('free')];
  const ask = { task: 'generate', messages: [{ role: 'user' as const, content: 'x' }], cache: { use: true } };
  for (const who of [caller, other]) await router.as(who, () => router.messages.send(complete, ask));
  const clear = (who: typeof caller, all: boolean) =>
    router.as(who, () => router.messages.send(clearCache, { all_accounts: all }));
  expect(await clear(caller, false)).toEqual({ cleared: 1 });
  expect((await failureOf(clear(caller, true))).code).toBe('forbidden');
  const outcome = async (who: typeof caller) =>
    (await router.as(who, () => router.messages.send(complete, ask))).cache?.outcome;
  expect([await outcome(caller), await outcome(other)]).toEqual(['miss', 'hit']);
  expect((await clear({ ...caller, role: 'admin' }, true)).cleared).toBeGreaterThanOrEqual(2);
  expect(await outcome(other)).toBe('miss');
});

it('health tells of Ollama and of the cache, and counts its answers', async () => {
  const caller = await router.newCaller('free');
  const health = () => router.as(caller, () => router.messages.send(describeLlmHealth, {}));
  const { cache } = await health();
  const ask = { task: 'generate', messages: [{ role: 'user' as const, content: 'counted' }], cache: { use: true } };
  for (let times = 0; times < 3; times += 1) await router.as(caller, () => router.messages.send(complete, ask));
  const after = await eventually(health, (found) => found.cache.hits >= cache.hits + 2);
  expect(after).toMatchObject({ ollama_status: 'connected', model: 'gemma3:4b', cache: { status: 'connected' } });
  expect(after.cache.misses).toBe(cache.misses + 1);
});
