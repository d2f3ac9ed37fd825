import { eventually, freePort, startApp, type AppProcess } from '@tollgate/testing';
import { randomUUID } from 'node:crypto';
import { readEvents, TestClient } from './client.js';
import { startStack, type Stack } from './stack.js';

/** Slots of a killed gateway are leased for ten seconds, its keys for fifteen. */
const LEASE_ENDS_WITHIN_MS = 25_000;

const endless = { text: 'SIMULATE_TOKENS=5000', task: 'rephrase', stream: true };

const slow = { text: 'One. Two. SIMULATE_TOKENS=60', task: 'rephrase', stream: true };
const short = { text: 'One. Two.', task: 'summary' };

let stack: Stack;
/** Beside the stack's own. */
let doomed: AppProcess & { url: string };

beforeAll(async () => {
  stack = await startStack({ RATE_LIMIT_ENABLED: 'true' }, ['text-processing', 'llm-router']);
  const port = String(await freePort());
  doomed = {
    ...(await startApp('gateway', { ...stack.environment, PORT: port })),
    url: `http://127.0.0.1:${port}`,
  };
}, 60_000);
beforeEach(() => stack.local.setPace({ tokensPerSecond: 50 }));
afterEach(() => stack.local.reset());
afterAll(async () => {
  await doomed.stop();
  await stack.stop();
}, 60_000);

const newKey = () => ({ headers: { 'idempotency-key': randomUUID() } });
const charges = (client: TestClient) =>
  stack.query<{ outcome: string }>(
    `SELECT outcome FROM usage_attempt JOIN app_user ON app_user.id = usage_attempt.user_id WHERE email = $1`,
    [client.email],
  );

it('a stream whose connection is cut is charged once, and is whole for who asks again with its Idempotency-Key', async () => {
  const client = await TestClient.register(stack.url);
  const key = newKey();
  const leave = new AbortController();
  const cut = await client.at(doomed.url).post('/api/v1/process-text', slow, { ...key, signal: leave.signal });
  await expect(readEvents(cut, () => leave.abort())).rejects.toThrow();
  const answer = await eventually(
    () => client.post('/api/v1/process-text', slow, key),
    ({ status }) => status !== 409,
  );
  const { events, isDone } = await readEvents(answer);
  expect([isDone, events.at(-1)?.['type']]).toEqual([true, 'end']);
  expect(stack.local.calls()).toHaveLength(1);
  expect(await charges(client)).toEqual([{ outcome: 'completed' }]);
}, 30_000);

it('a gateway that is killed keeps its calls at once and its keys until their leases end; what it lost is charged once, and said', async () => {
  const [busy, asker] = [await TestClient.register(stack.url), await TestClient.register(stack.url)];
  const key = newKey();
  const streams = [
    await busy.at(doomed.url).post('/api/v1/process-text', endless),
    await busy.at(doomed.url).post('/api/v1/process-text', endless),
    await asker.at(doomed.url).post('/api/v1/process-text', slow, key),
  ];
  const lost = streams.at(-1);
  expect(streams.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect((await busy.post('/api/v1/process-text', short)).status).toBe(429);

  doomed.child.kill('SIGKILL');
  await Promise.all(streams.map((response) => expect(response.text()).rejects.toThrow()));
  expect((await busy.post('/api/v1/process-text', short)).status).toBe(429);
  expect((await asker.post('/api/v1/process-text', slow, key)).status).toBe(409);
  const [served, answer] = await Promise.all([
    eventually(
      () => busy.post('/api/v1/process-text', short),
      ({ status }) => status === 200,
      LEASE_ENDS_WITHIN_MS,
    ),
    eventually(
      () => asker.post('/api/v1/process-text', slow, key),
      ({ status }) => status !== 409,
      LEASE_ENDS_WITHIN_MS,
    ),
  ]);
  await served.text();
  expect([answer.status, answer.headers.get('x-should-retry')]).toEqual([502, 'false']);
  expect(await answer.json()).toMatchObject({
    error: { code: 'reply_lost' },
    detail: { first_request_id: lost?.headers.get('x-request-id') },
  });
  const callsOfLost = stack.local
    .calls()
    .filter(({ requestHeaders }) => requestHeaders['x-request-id'] === lost?.headers.get('x-request-id'));
  expect(callsOfLost).toHaveLength(1);
  expect(await charges(asker)).toHaveLength(1);
}, 60_000);
