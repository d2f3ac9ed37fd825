import {
  Batch,
  BatchListing,
  BatchWithResults,
  CacheCleared,
  ChatResponse,
  GatewayHealth,
  GatewayMetrics,
  GenerateResponse,
  LlmHealth,
  ModelListing,
  ModelValidation,
} from '@tollgate/contracts';
import { eventually } from '@tollgate/testing';
import { readEvents, TestClient } from './client.js';
import { startStack, type Stack } from './stack.js';

const prompt = 'You are Peter Griffin. Say hello in character.';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({}, ['llm-router']);
}, 60_000);
afterEach(() => {
  stack.local.reset();
  stack.cloud.reset();
});
afterAll(() => stack.stop(), 60_000);

async function newProClient(): Promise<TestClient> {
  const client = await TestClient.register(stack.url);
  await stack.query(
    "UPDATE account SET plan_code = 'pro' WHERE id = (SELECT account_id FROM app_user WHERE email = $1)",
    [client.email],
  );
  await client.login();
  return client;
}

describe('/generate', () => {
  it('answers as documented, by every path, and from the cache the second time', async () => {
    const client = await TestClient.register(stack.url);
    const body = { prompt, character_name: 'peter', settings: { temperature: 0.8, max_tokens: 500, top_p: 0.9 } };
    const seen: (string | null)[] = [];
    for (const path of ['/generate', '/generate/', '/api/v1/generate', '/api/v1/generate/']) {
      const response = await client.post(path, { ...body, conversation_id: 'channel_123456', use_cache: true });
      expect(response.status).toBe(200);
      seen.push(response.headers.get('x-tollgate-cache'));
      const answer = GenerateResponse.parse(await response.json());
      expect(answer).toMatchObject({ model: 'gemma3:4b', cache_hit: seen.length > 1, metadata: { temperature: 0.8 } });
      expect(answer.metadata.tokens_generated).toBe(stack.local.calls()[0]?.completionTokens);
      expect(answer.metadata.prompt_hash).toMatch(/^[0-9a-f]{64}$/);
    }
    expect(seen).toEqual(['miss', 'hit', 'hit', 'hit']);
    expect(stack.local.calls()).toHaveLength(1);
    const rows = await stack.query(
      `SELECT is_cache_hit AS hit, provider, charge_micro_usd::int AS charge FROM usage_attempt
       WHERE user_id = (SELECT id FROM app_user WHERE email = $1) ORDER BY finished_at`,
      [client.email],
    );
    expect(rows).toEqual([false, true, true, true].map((hit) => ({ hit, provider: 'ollama', charge: 0 })));
  });

  it('streams, a hit too, and says where the answer came from before its first part', async () => {
    const client = await TestClient.register(stack.url);
    const stream = () => client.post('/generate', { prompt, stream: true });
    const texts: string[] = [];
    for (const outcome of ['miss', 'hit']) {
      const response = await stream();
      expect(response.headers.get('x-tollgate-cache')).toBe(outcome);
      const { events, isDone } = await readEvents(response);
      expect(isDone).toBe(true);
      expect(events[0]).toMatchObject({ type: 'start', cache: outcome });
      expect(events.at(-1)).toMatchObject({ type: 'end', cache_hit: outcome === 'hit' });
      texts.push(events.map(({ delta }) => (typeof delta === 'string' ? delta : '')).join(''));
    }
    expect(texts[0]).toBe(texts[1]);
  });

  it('asks again after the cache was cleared, and when it is not to be used', async () => {
    const client = await TestClient.register(stack.url);
    const outcome = async (more: object = {}) =>
      (await client.post('/generate', { prompt, ...more })).headers.get('x-tollgate-cache');
    expect(await outcome()).toBe('miss');
    expect(await outcome({ use_cache: false })).toBe('bypass');
    const cleared = await client.send('POST', '/cache/clear');
    expect(CacheCleared.parse(await cleared.json())).toEqual({ cleared: 1 });
    expect(await outcome()).toBe('miss');
    expect((await client.send('POST', '/cache/clear?scope=all')).status).toBe(403);
  });
});

describe('the model service', () => {
  it('says how it is, in the documented shapes', async () => {
    const client = await TestClient.register(stack.url);
    await client.post('/generate', { prompt });
    const health = await eventually(
      async () => GatewayHealth.parse(await (await fetch(`${stack.url}/health`)).json()),
      ({ ollama_status: status }) => status === 'connected',
      10_000,
    );
    expect(health).toMatchObject({ status: 'healthy', cache_status: 'connected', model: 'gemma3:4b' });

    const metrics = GatewayMetrics.parse(await (await fetch(`${stack.url}/metrics`)).json());
    expect(metrics).toMatchObject({ ollama_status: 'healthy', uptime: expect.stringMatching(/^0h \d+m \d+s$/) });
    expect(metrics.requests_total).toBeGreaterThan(0);
    const scraped = await fetch(`${stack.url}/metrics`, { headers: { accept: 'text/plain;version=0.0.4' } });
    expect(await scraped.text()).toContain('tollgate_http_requests_total');

    const listing = ModelListing.parse(await (await client.send('GET', '/api/v1/llm/models')).json());
    expect(listing.models.filter(({ allowed }) => allowed).map(({ id }) => id)).toContain(listing.default_model);
    expect(LlmHealth.parse(await (await client.send('GET', '/api/v1/llm/health')).json()).cache.status).toBe(
      'connected',
    );
  });

  it('validates a model by asking it', async () => {
    const client = await TestClient.register(stack.url);
    for (const response of [
      await client.post('/validate-model', {}),
      await client.send('POST', '/validate-model/'),
      await client.send('GET', '/validate-model?model=gemma3:4b'),
    ]) {
      const validation = ModelValidation.parse(await response.json());
      expect(validation).toMatchObject({ model_available: true, model_name: 'gemma3:4b', model_size: '1.0GB' });
      expect(validation.performance_score).toBeGreaterThan(0);
    }
    expect(stack.local.calls()).toHaveLength(3);
  });

  it('that is asked for JSON in a chat gives valid JSON or 422', async () => {
    const client = await TestClient.register(stack.url);
    const ask = () => client.post('/api/v1/llm/chat', { message: 'JSON please', structured_output: true });
    expect(ChatResponse.parse(await (await ask()).json()).structured_data).toMatchObject({ simulated: true });
    const text = JSON.stringify({ message: { content: 'I cannot.' }, done: true, done_reason: 'stop' });
    stack.local.setFault({ kind: 'status', status: 200, body: `${text}\n` });
    const refused = await ask();
    expect(refused.status).toBe(422);
    expect(refused.headers.get('x-should-retry')).toBeNull();
    expect(await refused.json()).toMatchObject({
      error: { code: 'invalid_structured_output' },
      detail: { problems: ['/: is not JSON'], last_text: 'I cannot.', attempts: 3 },
    });
  });
});

describe('a batch', () => {
  const read = async (client: TestClient, id: string, page = '') =>
    BatchWithResults.parse(await (await client.send('GET', `/api/v1/llm/batch/${id}${page}`)).json());

  it('survives a kill of the router without asking a finished prompt again', async () => {
    const client = await newProClient();
    stack.cloud.setPace({ firstTokenMs: 100 });
    const prompts = Array.from({ length: 60 }, (_, index) => `Prompt number ${index}.`);
    const created = await client.post('/api/v1/llm/batch', { prompts });
    expect(created.status).toBe(202);
    const { id } = Batch.parse(await created.json());
    const before = await eventually(
      () => read(client, id),
      ({ progress }) => progress.completed >= 12,
      20_000,
    );
    await stack.killAndRestart('llm-router');
    const after = await eventually(
      () => read(client, id),
      ({ finished_at: finishedAt }) => finishedAt !== null,
      60_000,
    );
    expect(after.progress).toMatchObject({ total: 60, completed: 60 });
    for (const { index, response } of after.results) expect(response).toContain(`Prompt number ${index}.`);
    for (const result of before.results) expect(after.results[result.index]).toEqual(result);

    // At most the prompts that were being asked when it was killed are asked a second time.
    const calls = stack.cloud.calls();
    const asked = new Map<string, number>();
    for (const { bodySha256 } of calls) asked.set(bodySha256, (asked.get(bodySha256) ?? 0) + 1);
    expect(asked.size).toBe(60);
    expect(calls.length).toBeLessThanOrEqual(64);
    const cut = calls.filter(({ outcome }) => outcome !== 'completed');
    expect(calls.length - 60).toBeLessThanOrEqual(cut.length + 4);
  }, 120_000);

  it('is seen, paged and cancelled by its account alone', async () => {
    const [client, other] = [await TestClient.register(stack.url), await TestClient.register(stack.url)];
    stack.local.setPace({ firstTokenMs: 200 });
    const created = await client.post('/api/v1/llm/batch', { prompts: Array.from({ length: 10 }, (_, i) => `p ${i}`) });
    const { id } = Batch.parse(await created.json());
    expect((await other.send('GET', `/api/v1/llm/batch/${id}`)).status).toBe(404);
    expect((await other.send('POST', `/api/v1/llm/batch/${id}/cancel`)).status).toBe(404);
    expect(BatchListing.parse(await (await other.send('GET', '/api/v1/llm/batch')).json()).data).toEqual([]);
    expect(BatchListing.parse(await (await client.send('GET', '/api/v1/llm/batch')).json()).data).toHaveLength(1);
    expect((await client.send('POST', `/api/v1/llm/batch/${id}/cancel`)).status).toBe(200);
    const ended = await eventually(
      () => read(client, id, '?offset=8&limit=2'),
      ({ finished_at: finishedAt }) => finishedAt !== null,
      10_000,
    );
    expect(ended.status).toBe('cancelled');
    expect(ended.results.map(({ index, status }) => [index, status])).toEqual([
      [8, 'cancelled'],
      [9, 'cancelled'],
    ]);
  }, 30_000);

  it('of 1,001 prompts, of none, or with an id that is none is 400', async () => {
    const client = await TestClient.register(stack.url);
    for (const prompts of [[], Array.from({ length: 1_001 }, () => 'x'), ['  ']]) {
      expect((await client.post('/api/v1/llm/batch', { prompts })).status).toBe(400);
    }
    expect((await client.send('GET', '/api/v1/llm/batch/nonsense')).status).toBe(400);
  });
});
