import { eventually } from '@tollgate/testing';
import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { TestClient } from './client.js';
import { realClients, type Ask, type RealClient } from './real-clients.js';
import { startStack, type Stack } from './stack.js';

const PLANS_FORGOTTEN_MS = 1_100;
const Described = z.strictObject({ title: z.string(), tags: z.array(z.string()) });
const Failure = z.object({ status: z.number().optional(), statusCode: z.number().optional(), message: z.string() });

let stack: Stack;
let rich: string;

beforeAll(async () => {
  stack = await startStack({ RATE_LIMIT_ENABLED: 'true' }, ['llm-router']);
  const generous = { tokens_per_month: 1e6, tokens_hard_cap: 1e6, calls_per_day: 1e6, requests_per_minute: 1e6 };
  await changePlan('free', { ...generous, concurrent_requests: 20 });
  const scarce = { tokens_overage: 'block', tokens_per_month: 1_000, tokens_hard_cap: 1_000, max_output_tokens: 100 };
  await changePlan('pro', { ...scarce, requests_per_minute: 1 });
  ({ accessToken: rich } = await TestClient.register(stack.url));
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
    [
      402,
      'insufficient_quota',
      /tokens/i,
      async () => ({ apiKey: await strictAccount(), prompt: 'word '.repeat(2_000) }),
    ],
    [403, 'model_not_allowed', /llama-4-maverick/, () => ({ model: 'llama-4-maverick' })],
    [404, 'model_not_found', /gpt-17/, () => ({ model: 'gpt-17' })],
    [413, 'payload_too_large', /larger/, () => ({ prompt: 'x'.repeat(2 << 20) })],
  ])('shows our message of %i %s, whole and before a stream', async (status, _code, message, more) => {
    for (const call of [client.whole, client.stream]) {
      await expectFailure(client, call(askOf(await more())), status, message);
    }
  });

  it('shows our message of 409, 422 and 429', async () => {
    const headers = { 'Idempotency-Key': randomUUID() };
    stack.local.setPace({ tokensPerSecond: 20, firstTokenMs: 0 });
    const first = client.whole(askOf({ headers, prompt: 'SIMULATE_TOKENS=20 Slowly' }));
    await eventually(
      () => stack.local.calls().length,
      (calls) => calls > 0,
    );
    const again = client.whole(askOf({ headers, prompt: 'SIMULATE_TOKENS=20 Slowly' }));
    await expectFailure(client, again, 409, /Idempotency-Key/);
    await first;
    await expectFailure(client, client.whole(askOf({ headers, prompt: 'Other' })), 422, /Idempotency-Key/);
    const apiKey = await strictAccount();
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

/** The access token of a new account of the plan `pro`. */
async function strictAccount(): Promise<string> {
  const client = await TestClient.register(stack.url);
  const { account_id } = await client.me();
  await stack.query("UPDATE account SET plan_code = 'pro' WHERE id = $1", [account_id]);
  await setTimeout(PLANS_FORGOTTEN_MS);
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
