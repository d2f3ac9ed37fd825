import { eventually } from '@tollgate/testing';
import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import OpenAI from 'openai';
import type { ChatCompletionMessageParam, ChatCompletionTool } from 'openai/resources/chat/completions';
import { z } from 'zod';
import { TestClient } from './client.js';
import { realClients, type Ask, type RealClient } from './real-clients.js';
import { startStack, type Stack } from './stack.js';

const PLANS_FORGOTTEN_MS = 1_100;
const Described = z.strictObject({ title: z.string(), tags: z.array(z.string()) });
const Failure = z.object({ status: z.number().optional(), statusCode: z.number().optional(), message: z.string() });

const tools: ChatCompletionTool[] = [
  {
    type: 'function',
    function: {
      name: 'get_weather',
      description: 'The weather in a city',
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    },
  },
  {
    type: 'function',
    function: { name: 'get_time', parameters: { type: 'object', properties: { zone: { type: 'string' } } } },
  },
];
const question: ChatCompletionMessageParam = { role: 'user', content: 'SIMULATE_TOOL_CALLS=2 Weather in 東京?' };

let stack: Stack;
let rich: string;
/** Of accounts that may ask once a minute and have few tokens; each is good for one refusal. */
let poor: string[];

beforeAll(async () => {
  stack = await startStack({ RATE_LIMIT_ENABLED: 'true' }, ['llm-router']);
  const generous = { tokens_per_month: 1e6, tokens_hard_cap: 1e6, calls_per_day: 1e6, requests_per_minute: 1e6 };
  const scarce = { tokens_overage: 'block', tokens_per_month: 1_000, tokens_hard_cap: 1_000, max_output_tokens: 100 };
  await changePlan('free', { ...generous, concurrent_requests: 20 });
  await changePlan('pro', { ...scarce, requests_per_minute: 1 });
  rich = await account('free');
  poor = await Promise.all(realClients.flatMap(() => [account('pro'), account('pro'), account('pro')]));
  await setTimeout(PLANS_FORGOTTEN_MS);
}, 60_000);
afterEach(() => stack.local.reset());
afterAll(() => stack.stop(), 60_000);

describe.each(realClients)('$name', (client) => {
  it('gets text with the usage that the provider counted, whole and as a stream', async () => {
    for (const heard of [() => client.whole(askOf()), () => client.stream(askOf())]) {
      const { text, ...usage } = await heard();
      const call = stack.local.calls().at(-1);
      expect(text).toContain('[simulated]');
      expect(usage).toEqual({ inputTokens: call?.promptTokens, outputTokens: call?.completionTokens });
    }
  });

  it('is told which function to call, and gets JSON by a schema', async () => {
    const called = await client.callTool(askOf({ prompt: 'SIMULATE_TOOL_CALLS=1 Weather in Paris?' }));
    expect(called).toMatchObject({ name: 'get_weather', input: { city: expect.any(String) } });
    Described.parse(await client.json(askOf({ prompt: 'Describe Tollgate' })));
  });

  it('closes the connection of the provider when it aborts', async () => {
    stack.local.setPace({ tokensPerSecond: 40, firstTokenMs: 0 });
    const aborted = client.abort(askOf({ prompt: 'SIMULATE_TOKENS=400 A long story' })).catch(() => undefined);
    await eventually(
      () => stack.local.calls(),
      (calls) => calls.at(-1)?.outcome === 'client_closed',
    );
    await aborted;
  });

  it.each([
    [400, 'context_length_exceeded', /too long/, () => ({ prompt: 'word '.repeat(9_000) })],
    [401, 'unauthenticated', /token|key/i, () => ({ apiKey: 'wrong' })],
    [402, 'insufficient_quota', /tokens/i, () => ({ apiKey: poor.pop(), prompt: 'word '.repeat(2_000) })],
    [403, 'model_not_allowed', /llama-4-maverick/, () => ({ model: 'llama-4-maverick' })],
    [404, 'model_not_found', /gpt-17/, () => ({ model: 'gpt-17' })],
    [413, 'payload_too_large', /larger/, () => ({ prompt: 'x'.repeat(2 << 20) })],
  ])('shows our message of %i %s, whole and before a stream', async (status, _code, message, more) => {
    for (const call of [client.whole, client.stream]) await expectFailure(client, call(askOf(more())), status, message);
  });

  it('shows our message of 409, 422 and 429', async () => {
    const headers = { 'Idempotency-Key': randomUUID() };
    stack.local.setPace({ tokensPerSecond: 20, firstTokenMs: 0 });
    const first = client.whole(askOf({ headers, prompt: 'SIMULATE_TOKENS=10 Slowly' }));
    await eventually(
      () => stack.local.calls().length,
      (calls) => calls > 0,
    );
    const again = client.whole(askOf({ headers, prompt: 'SIMULATE_TOKENS=10 Slowly' }));
    await expectFailure(client, again, 409, /Idempotency-Key/);
    await first;
    stack.local.setPace({ tokensPerSecond: Infinity });
    await expectFailure(client, client.whole(askOf({ headers, prompt: 'Other' })), 422, /Idempotency-Key/);
    const apiKey = poor.pop();
    await client.whole(askOf({ apiKey }));
    await expectFailure(client, client.whole(askOf({ apiKey })), 429, /1 request/);
  });

  it('shows our message when every provider fails, and when one breaks in the middle of a stream', async () => {
    stack.local.setFault({ kind: 'status', status: 500 });
    stack.cloud.setFault({ kind: 'status', status: 500 });
    const failed = await failureOf(client.whole(askOf({ prompt: randomUUID() })));
    expect(failed.status ?? failed.statusCode).toBeGreaterThanOrEqual(502);
    expect(failed.message).toMatch(/provider|model/i);
    stack.local.reset();
    stack.cloud.reset();
    stack.local.setFault({ kind: 'cut', afterBytes: 700 });
    const cut = await failureOf(client.stream(askOf({ prompt: 'Hello there, how are you today?' })));
    expect(cut.message).toMatch(/provider|model|answer/i);
  });
});

describe("OpenAI's own client", () => {
  let openai: OpenAI;
  beforeAll(() => {
    openai = new OpenAI({ baseURL: `${stack.url}/v1`, apiKey: rich, maxRetries: 0 });
  });

  it('is told which two functions to call, whole and streamed, and takes their results back', async () => {
    const whole = await openai.chat.completions.create({ model: 'gemma3:4b', messages: [question], tools });
    const message = whole.choices[0]?.message;
    expect(whole.choices[0]?.finish_reason).toBe('tool_calls');
    const calls = message?.tool_calls ?? [];
    expect(calls).toHaveLength(2);
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2);

    const stream = openai.chat.completions.stream({ model: 'gemma3:4b', messages: [question], tools });
    const streamed = (await stream.finalChatCompletion()).choices[0]?.message.tool_calls ?? [];
    const called = (each: typeof calls) =>
      each.map((call) => (call.type === 'function' ? [call.function.name, JSON.parse(call.function.arguments)] : []));
    expect(called(streamed)).toEqual(called(calls));
    expect(called(calls)[0]).toMatchObject(['get_weather', { city: expect.stringContaining('東京') }]);

    if (!message) throw new Error('no message');
    const results = calls.map(({ id }) => ({ role: 'tool' as const, tool_call_id: id, content: 'sunny' }));
    const last = await openai.chat.completions.create({
      model: 'gemma3:4b',
      messages: [question, message, ...results],
      tools,
    });
    expect(last.choices[0]).toMatchObject({ finish_reason: 'stop' });
  });

  it('gets JSON by its schema, whole and streamed', async () => {
    const schema = {
      type: 'object',
      properties: { title: { type: 'string' }, tags: { type: 'array', items: { type: 'string' } } },
      required: ['title', 'tags'],
      additionalProperties: false,
    };
    const request = {
      model: 'gemma3:4b',
      messages: [{ role: 'user' as const, content: 'Describe Tollgate' }],
      response_format: { type: 'json_schema' as const, json_schema: { name: 'description', schema, strict: true } },
    };
    const whole = await openai.chat.completions.create(request);
    const stream = openai.chat.completions.stream(request);
    for (const completion of [whole, await stream.finalChatCompletion()]) {
      const answer: unknown = JSON.parse(completion.choices[0]?.message.content ?? '');
      expect(answer).toEqual({ title: expect.any(String), tags: expect.any(Array) });
    }
  });

  it('lists the models of its tier and finds one', async () => {
    const ids = (await openai.models.list()).data.map(({ id }) => id);
    expect(ids).toContain('gemma3:4b');
    expect(ids).not.toContain('llama-4-maverick');
    expect(await openai.models.retrieve('gemma3:4b')).toMatchObject({ object: 'model', owned_by: 'ollama' });
    await expect(openai.models.retrieve('llama-4-maverick')).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
    });
  });

  it('hears of errors before and in the middle of a stream', async () => {
    const ask = (more: object = {}) =>
      openai.chat.completions.create({ model: 'gemma3:4b', messages: [{ role: 'user', content: 'Hello' }], ...more });
    await expect(ask({ model: 'gpt-17' })).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
      param: 'model',
    });
    await expect(ask({ n: 2 })).rejects.toMatchObject({ status: 400, param: 'n' });
    await expect(
      ask({ response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { type: 'sing' } } } }),
    ).rejects.toMatchObject({
      status: 400,
      param: 'response_format.json_schema.schema',
    });
    stack.local.setFault({ kind: 'cut', afterBytes: 700 });
    const stream = await openai.chat.completions.create({
      model: 'gemma3:4b',
      messages: [{ role: 'user', content: 'Hello there, how are you?' }],
      stream: true,
    });
    const reading = async () => {
      for await (const _ of stream);
    };
    await expect(reading()).rejects.toMatchObject({ code: 'provider_error' });
  });
});

function askOf(more: Partial<Ask> = {}): Ask {
  return { baseURL: `${stack.url}/v1`, apiKey: rich, model: 'gemma3:4b', prompt: 'Hello there', ...more };
}

async function expectFailure(client: RealClient, call: Promise<unknown>, status: number, message: RegExp) {
  const failure = await failureOf(call);
  expect(failure.class).toBe(client.errorClass(status));
  expect(failure.status ?? failure.statusCode).toBe(status);
  expect(failure.message).toMatch(message);
}

async function failureOf(call: Promise<unknown>) {
  const thrown: unknown = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof Object)) throw new Error('it did not fail');
  return { ...Failure.parse(thrown), class: thrown.constructor.name };
}

/** The access token of a new account on that plan. */
async function account(plan: string): Promise<string> {
  const client = await TestClient.register(stack.url);
  const owned = 'SELECT account_id FROM app_user WHERE email = $2';
  await stack.query(`UPDATE account SET plan_code = $1 WHERE id = (${owned})`, [plan, client.email]);
  return client.accessToken;
}

/** A next version of a plan with these limits. */
async function changePlan(code: string, limits: object): Promise<void> {
  const columns = JSON.stringify({ ...limits, version: 2 });
  await stack.query('INSERT INTO plan SELECT (jsonb_populate_record(p, $1::jsonb)).* FROM plan p WHERE code = $2', [
    columns,
    code,
  ]);
}
