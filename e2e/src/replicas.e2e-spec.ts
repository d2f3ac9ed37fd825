import { freePort, startApp, type AppProcess } from '@tollgate/testing';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { readEvents, TestClient } from './client.js';
import { startStack, type Stack } from './stack.js';

/** A changed plan, role or key is seen by every replica after at most this. */
const SEEN_WITHIN_MS = 1_000;
const BUDGET = 10;
const REQUESTS = 1_000;

const QuotaError = z.object({
  error: z.object({ code: z.literal('insufficient_quota'), message: z.string() }),
  detail: z.object({
    limit_name: z.literal('tokens_month'),
    asked: z.number(),
    limit: z.number(),
    resets_at: z.string(),
  }),
});

let stack: Stack;
let secondGateway: AppProcess;
let gateways: [string, string];

beforeAll(async () => {
  stack = await startStack({
    RATE_LIMIT_ENABLED: 'true',
    RATE_LIMIT_REQUESTS: '100000',
    MAX_CONCURRENT_REQUESTS: '64',
    REPLICA_SLOTS: '600',
    QUEUE_MAX: '20000',
  });
  const port = String(await freePort());
  secondGateway = await startApp('gateway', { ...stack.environment, PORT: port });
  gateways = [stack.url, `http://127.0.0.1:${port}`];
  await stack.startReplica('llm-router');
}, 90_000);
afterEach(() => {
  stack.local.reset();
  stack.cloud.reset();
});
afterAll(async () => {
  await secondGateway.stop();
  await stack.stop();
}, 60_000);

/** Gives the client's account a plan of its own, generous but for its tokens. */
async function limitTokens(client: TestClient, tokens: number): Promise<void> {
  await stack.query(
    `WITH made AS (
       INSERT INTO plan SELECT (jsonb_populate_record(free, jsonb_build_object('code', $2::text, 'tokens_per_month', $3::bigint,
         'tokens_hard_cap', $3::bigint, 'calls_per_day', 100000, 'requests_per_minute', 100000, 'concurrent_requests', 10000))).*
       FROM plan AS free WHERE code = 'free' AND version = 1 RETURNING code)
     UPDATE account SET plan_code = (SELECT code FROM made)
     FROM app_user WHERE app_user.account_id = account.id AND app_user.email = $1`,
    [client.email, `tokens-${tokens}`, tokens],
  );
  await client.login();
}

const question = { message: 'Say something about budgets.', max_tokens: 20 };

describe('a budget for 10 requests', () => {
  async function ask(client: TestClient, index: number): Promise<'served' | 'refused'> {
    const [gateway, path] = [gateways[index % 2 === 0 ? 0 : 1], index % 3 === 0 ? '/stream' : ''];
    const response = await client.at(gateway).post(`/api/v1/llm/chat${path}`, question);
    if (response.status === 402) {
      QuotaError.parse(await response.json());
      expect(response.headers.get('x-should-retry')).toBe('false');
      return 'refused';
    }
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    if (path === '') await response.json();
    else expect((await readEvents(response)).events.at(-1)).toMatchObject({ type: 'end' });
    return 'served';
  }

  it('serves exactly 10 of 1,000 concurrent answers and streams over two gateways and two routers, each a process, and not a token more', async () => {
    const poor = await TestClient.register(stack.url);
    await limitTokens(poor, 0);
    const refusal = await poor.post('/api/v1/llm/chat', question);
    const { asked } = QuotaError.parse(await refusal.json()).detail;

    const client = await TestClient.register(stack.url);
    await limitTokens(client, asked * BUDGET);
    // While those that were admitted run, only what they hold can keep the others out: an answer that is shorter than its
    // hold would make room for one more.
    stack.cloud.setPace({ tokensPerSecond: 0.7 });
    let refused = 0;
    const outcomes = await Promise.all(
      Array.from({ length: REQUESTS }, async (_, index) => {
        const outcome = await ask(client, index);
        if (outcome === 'refused') refused += 1;
        if (refused === REQUESTS - BUDGET) stack.cloud.setPace({ tokensPerSecond: 0 });
        return outcome;
      }),
    );
    expect(outcomes.filter((outcome) => outcome === 'served')).toHaveLength(BUDGET);
    expect(refused).toBe(REQUESTS - BUDGET);

    const calls = stack.cloud.calls();
    expect(calls).toHaveLength(BUDGET);
    const [ledger] = await stack.query<{ rows: string; tokens: string; spent: string; held: string; holds: string }>(
      `SELECT count(*) AS rows, sum(tokens_input + tokens_output) AS tokens, min(month.spent) AS spent, min(month.held) AS held,
         (SELECT count(*) FROM hold WHERE hold.account_id = app_user.account_id) AS holds
       FROM app_user JOIN usage_attempt AS attempt USING (account_id)
       JOIN usage_window AS month ON month.account_id = app_user.account_id AND month.kind = 'tokens_month'
       WHERE email = $1 GROUP BY app_user.account_id`,
      [client.email],
    );
    const served = String(calls.reduce((sum, call) => sum + call.promptTokens + call.completionTokens, 0));
    expect(ledger).toEqual({ rows: String(BUDGET), tokens: served, spent: served, held: '0', holds: '0' });
    expect(Number(served)).toBeLessThanOrEqual(asked * BUDGET);
  }, 120_000);
});

describe('what changes of an account', () => {
  const Answer = z.object({ model_used: z.string() });

  /** How each gateway sees the client now: the model that serves it and its requests a minute. */
  const seenBy = (client: TestClient) =>
    Promise.all(
      gateways.map(async (gateway) => {
        const response = await client.at(gateway).post('/api/v1/llm/chat', { message: 'Hello', max_tokens: 5 });
        const { model_used: model } = Answer.parse(await response.json());
        return `${model} ${/"minute";q=(\d+)/.exec(response.headers.get('ratelimit-policy') ?? '')?.[1]}`;
      }),
    );
  const statusesOf = (client: TestClient) =>
    Promise.all(gateways.map(async (gateway) => (await client.at(gateway).get('/api/v1/users/me')).status));

  it('is true on every gateway within a second: an upgrade and a downgrade', async () => {
    const client = await TestClient.register(stack.url);
    const changeTo = async (plan: string) => {
      await stack.query(
        'UPDATE account SET plan_code = $2 FROM app_user WHERE app_user.account_id = account.id AND email = $1',
        [client.email, plan],
      );
      await sleep(SEEN_WITHIN_MS);
    };
    const [free, pro] = ['gemma3:4b 20', 'llama-4-maverick 300'];
    expect(await seenBy(client)).toEqual([free, free]);
    await changeTo('pro');
    expect(await seenBy(client)).toEqual([pro, pro]);
    await changeTo('free');
    expect(await seenBy(client)).toEqual([free, free]);
  }, 30_000);

  it('is true on every gateway within a second: a revoked key, and a user who is gone', async () => {
    const client = await TestClient.register(stack.url);
    const created = await client.post('/api/v1/api-keys', { name: 'server', scopes: ['inference', 'usage'] });
    const { id, key } = z.object({ id: z.string(), key: z.string() }).parse(await created.json());
    const server = client.at(stack.url);
    server.accessToken = key;
    const usageOf = () =>
      Promise.all(gateways.map(async (gateway) => (await server.at(gateway).get('/api/v1/usage')).status));
    expect([await usageOf(), await statusesOf(client)]).toEqual([
      [200, 200],
      [200, 200],
    ]);
    await client.at(gateways[1]).send('DELETE', `/api/v1/api-keys/${id}`);
    await sleep(SEEN_WITHIN_MS);
    expect([await usageOf(), await statusesOf(client)]).toEqual([
      [401, 401],
      [200, 200],
    ]);
    for (const table of ['api_key', 'refresh_token']) {
      await stack.query(`DELETE FROM ${table} USING app_user WHERE user_id = app_user.id AND email = $1`, [
        client.email,
      ]);
    }
    await stack.query('DELETE FROM app_user WHERE email = $1', [client.email]);
    await sleep(SEEN_WITHIN_MS);
    expect(await statusesOf(client)).toEqual([401, 401]);
  }, 30_000);
});
