import { eventually, freePort, startApp, type AppProcess } from '@tollgate/testing';
import { randomUUID } from 'node:crypto';
import { readEvents, TestClient } from './client.js';
import { startStack, type Stack } from './stack.js';

/** Slots of a killed gateway are leased for ten seconds, its keys for fifteen. */
const LEASE_ENDS_WITHIN_MS = 25_000;

const endless = { text: 'SIMULATE_TOKENS=5000', task: 'rephrase', stream: true };

let stack: Stack;
let doomed: AppProcess & { url: string };

beforeAll(async () => {
  stack = await startStack({ RATE_LIMIT_ENABLED: 'true' }, ['text-processing', 'llm-router']);
}, 60_000);
beforeEach(async () => {
  const port = String(await freePort());
  doomed = {
    ...(await startApp('gateway', { ...stack.environment, PORT: port })),
    url: `http://127.0.0.1:${port}`,
  };
}, 30_000);
afterEach(async () => {
  await doomed.stop();
  stack.local.reset();
}, 30_000);
afterAll(() => stack.stop(), 60_000);

describe('calls at once', () => {
  it('of a gateway that is killed are free again when their leases end, and not before', async () => {
    const client = await TestClient.register(stack.url);
    stack.local.setPace({ tokensPerSecond: 50 });
    const streams = [
      await client.at(doomed.url).post('/api/v1/process-text', endless),
      await client.at(doomed.url).post('/api/v1/process-text', endless),
    ];
    expect(streams.map(({ status }) => status)).toEqual([200, 200]);
    const short = { text: 'One. Two.', task: 'summary' };
    expect((await client.post('/api/v1/process-text', short)).status).toBe(429);

    doomed.child.kill('SIGKILL');
    await Promise.all(streams.map((response) => expect(response.text()).rejects.toThrow()));
    expect((await client.post('/api/v1/process-text', short)).status).toBe(429);
    const served = await eventually(
      () => client.at(stack.url).post('/api/v1/process-text', short),
      ({ status }) => status === 200,
      LEASE_ENDS_WITHIN_MS,
    );
    await served.text();
  }, 60_000);
});

describe('an Idempotency-Key', () => {
  const slow = { text: 'One. Two. SIMULATE_TOKENS=60', task: 'rephrase', stream: true };
  const newKey = () => ({ headers: { 'idempotency-key': randomUUID() } });
  const charges = (client: TestClient) =>
    stack.query<{ outcome: string }>(
      `SELECT outcome FROM usage_attempt JOIN app_user ON app_user.id = usage_attempt.user_id WHERE email = $1`,
      [client.email],
    );

  it('charges once when the connection is cut in the middle of a stream, and has the whole of it then', async () => {
    const client = await TestClient.register(stack.url);
    stack.local.setPace({ tokensPerSecond: 50 });
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

  it('charges once when the gateway is killed, and says that the answer is lost', async () => {
    const client = await TestClient.register(stack.url);
    stack.local.setPace({ tokensPerSecond: 50 });
    const key = newKey();
    const cut = await client.at(doomed.url).post('/api/v1/process-text', slow, key);
    doomed.child.kill('SIGKILL');
    await expect(cut.text()).rejects.toThrow();
    expect((await client.post('/api/v1/process-text', slow, key)).status).toBe(409);
    const answer = await eventually(
      () => client.post('/api/v1/process-text', slow, key),
      ({ status }) => status !== 409,
      LEASE_ENDS_WITHIN_MS,
    );
    expect([answer.status, answer.headers.get('x-should-retry')]).toEqual([502, 'false']);
    expect(await answer.json()).toMatchObject({
      error: { code: 'reply_lost' },
      detail: { first_request_id: cut.headers.get('x-request-id') },
    });
    expect(stack.local.calls()).toHaveLength(1);
    expect(await charges(client)).toHaveLength(1);
  }, 60_000);
});
