import { AppError, type CompletionPart } from '@tollgate/contracts';
import { Database } from '@tollgate/database';
import { Messages } from '@tollgate/messaging';
import { currentRequest } from '@tollgate/observability';
import { eventually, newTestDatabase } from '@tollgate/testing';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { bootGateway, newUser, type Gateway } from './gateway.js';

const text = { text: 'One. Two.', task: 'summary' };
const chat = { message: 'x' };
const stream = '/api/v1/llm/chat/stream';

let database: Awaited<ReturnType<typeof newTestDatabase>>;
let gateways: [Gateway, Gateway];
let bearer: { authorization: string };

beforeAll(async () => {
  database = await newTestDatabase();
  gateways = [await bootGateway({ DATABASE_URL: database.url }), await bootGateway({ DATABASE_URL: database.url })];
  ({ bearer } = await newUser(gateways[0]));
}, 60_000);
afterEach(() => jest.restoreAllMocks());
afterAll(async () => {
  for (const gateway of gateways) await gateway.close();
  await database.drop();
}, 30_000);

const newKey = () => ({ ...bearer, 'idempotency-key': randomUUID() });

/** The services answer with this; returns how often they were asked, over both gateways. */
function answerWith(answer: (call: number) => Promise<unknown>) {
  let calls = 0;
  for (const { app } of gateways) jest.spyOn(app.get(Messages), 'send').mockImplementation(() => answer((calls += 1)));
  return () => calls;
}

function streamWith(parts: () => AsyncGenerator<CompletionPart>) {
  let calls = 0;
  for (const { app } of gateways) {
    jest.spyOn(app.get(Messages), 'stream').mockImplementation(() => {
      calls += 1;
      return parts();
    });
  }
  return () => calls;
}

const startStream = (gateway: Gateway, headers: Record<string, string>, init: RequestInit = {}) =>
  fetch(gateway.url + stream, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(chat),
    ...init,
  });

describe('a request with an Idempotency-Key', () => {
  it('runs once, and its answer comes again from every replica, however the body is written', async () => {
    const calls = answerWith(() => Promise.resolve({ output: 'the answer' }));
    const key = newKey();
    const first = await gateways[0].post('/process-text', text, key);
    const again = await gateways[1].post('/process-text', `{ "task": "summary",\n "text": "One. Two." }`, key);
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect([again.status, again.body]).toEqual([first.status, first.body]);
    expect(again.headers.get('content-type')).toBe(first.headers.get('content-type'));
    expect(calls()).toBe(1);
  });

  it('answers a handler that returns its body as well as one that sends it', async () => {
    const end = {
      model: 'm',
      provider: 'p',
      content: 'c',
      finish_reason: 'stop',
      usage: {},
      attempts: 1,
      metadata: {},
    };
    const calls = answerWith(() => Promise.resolve({ ...end, usage: { input_tokens: 1, output_tokens: 2 } }));
    const key = newKey();
    const first = await gateways[0].post('/api/v1/llm/chat', chat, key);
    const again = await gateways[0].post('/api/v1/llm/chat', chat, key);
    expect(first.body['message']).toBe('c');
    expect([again.status, again.body]).toEqual([200, first.body]);
    expect(calls()).toBe(1);
  });

  it('runs once when a hundred come at once; the others are told that it is running', async () => {
    const calls = answerWith(async () => {
      await delay(1_000);
      return { output: 'one' };
    });
    const key = newKey();
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) => gateways[index % 2 === 0 ? 0 : 1].post('/process-text', text, key)),
    );
    expect(calls()).toBe(1);
    const refused = answers.filter(({ status }) => status === 409);
    expect(refused.length + answers.filter(({ status }) => status === 200).length).toBe(100);
    expect(refused[0]?.body.error?.code).toBe('idempotency_in_progress');
    expect(refused[0]?.headers.get('retry-after')).toBe('1');
  }, 30_000);

  it('is 422 with another body or route, and another account may have the same key', async () => {
    const calls = answerWith(() => Promise.resolve({ output: 'one' }));
    const key = newKey();
    await gateways[0].post('/process-text', text, key);
    const other = await gateways[1].post('/process-text', { ...text, text: 'Three.' }, key);
    expect([other.status, other.body.error?.code]).toEqual([422, 'idempotency_key_reused']);
    expect((await gateways[1].post('/api/v1/process-text', text, key)).status).toBe(422);
    const stranger = await newUser(gateways[0]);
    const theirs = await gateways[0].post('/process-text', { ...text, text: 'Four.' }, { ...key, ...stranger.bearer });
    expect(theirs.status).toBe(200);
    expect(calls()).toBe(2);
  });

  it('that fails before anything can have been charged frees the key', async () => {
    const calls = answerWith((call) =>
      call === 1 ? Promise.reject(new AppError('overloaded', 'full')) : Promise.resolve({ output: 'one' }),
    );
    const key = newKey();
    expect((await gateways[0].post('/process-text', { text: '' }, key)).status).toBe(400);
    expect((await gateways[0].post('/process-text', text, key)).status).toBe(503);
    expect((await gateways[0].post('/process-text', text, key)).status).toBe(200);
    expect(calls()).toBe(2);
  });

  it('that fails after something may have been charged keeps its error, and tells SDKs not to retry', async () => {
    const calls = answerWith(() =>
      Promise.reject(new AppError('replica_lost', 'gone', { details: { started: true } })),
    );
    const key = newKey();
    const first = await gateways[0].post('/process-text', text, key);
    const again = await gateways[1].post('/process-text', text, key);
    expect(first.status).toBe(503);
    expect([again.status, again.body.error, again.body['detail']]).toEqual([503, first.body.error, { started: true }]);
    expect(again.headers.get('x-should-retry')).toBe('false');
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(calls()).toBe(1);
  });

  it.each(['', 'with space', 'x'.repeat(256), 'é'])('whose key is %p is 400', async (key) => {
    const answer = await gateways[0].post('/process-text', text, { ...bearer, 'idempotency-key': key });
    expect([answer.status, answer.body.error?.param]).toEqual([400, 'Idempotency-Key']);
  });
});

describe('a client that comes back with its key after the connection was cut', () => {
  it('in the middle of an answer gets that answer', async () => {
    const calls = answerWith(async () => {
      const signal = currentRequest()?.signal;
      await delay(300);
      if (signal?.aborted) throw new AppError('cancelled', 'The client left.');
      return { output: 'paid for' };
    });
    const key = newKey();
    const leave = new AbortController();
    const init = { method: 'POST', headers: { 'content-type': 'application/json', ...key } };
    const cut = fetch(`${gateways[0].url}/process-text`, { ...init, body: JSON.stringify(text), signal: leave.signal });
    setTimeout(() => leave.abort(), 100);
    await expect(cut).rejects.toThrow();
    const answer = await eventually(
      () => gateways[1].post('/process-text', text, key),
      ({ status }) => status !== 409,
    );
    expect([answer.status, answer.body]).toEqual([200, { output: 'paid for' }]);
    expect(calls()).toBe(1);
  });

  it('in the middle of a stream gets the whole stream', async () => {
    const words = ['one', 'two', 'three', 'four'];
    const calls = streamWith(async function* () {
      for (const word of words) {
        yield { type: 'delta', text: word };
        await delay(100);
      }
    });
    const key = newKey();
    const leave = new AbortController();
    const cut = await startStream(gateways[0], key, { signal: leave.signal });
    leave.abort();
    await expect(cut.text()).rejects.toThrow();
    const response = await eventually(
      () => startStream(gateways[1], key),
      ({ status }) => status !== 409,
    );
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('idempotency-replayed')).toBe('true');
    const events = words.map((word) => `data: {"type":"delta","delta":"${word}"}\n\n`).join('');
    expect(await response.text()).toBe(`${events}data: [DONE]\n\n`);
    expect(calls()).toBe(1);
  });
});

describe('a gateway that is told to stop', () => {
  it('finishes what a client with a key has left behind', async () => {
    const stopping = await bootGateway({ DATABASE_URL: database.url });
    const send = jest.spyOn(stopping.app.get(Messages), 'send').mockImplementation(async () => {
      await delay(600);
      return { output: 'finished' };
    });
    const key = newKey();
    const leave = new AbortController();
    const init = { method: 'POST', headers: { 'content-type': 'application/json', ...key } };
    const cut = fetch(`${stopping.url}/process-text`, { ...init, body: JSON.stringify(text), signal: leave.signal });
    await eventually(
      () => send.mock.calls.length,
      (calls) => calls === 1,
    );
    leave.abort();
    await expect(cut).rejects.toThrow();
    await stopping.close();
    const answer = await gateways[0].post('/process-text', text, key);
    expect([answer.status, answer.body]).toEqual([200, { output: 'finished' }]);
  });
});

describe('a key whose gateway was killed', () => {
  /** As a killed gateway leaves it behind: running, and its lease not renewed any more. */
  async function abandon(key: string, deadlineAt: Date) {
    const db = gateways[0].app.get(Database);
    await eventually(
      () => db.keyedRequest.updateMany({ where: { key }, data: { leaseUntil: new Date(0), deadlineAt } }),
      ({ count }) => count === 1,
    );
  }

  /** A request that never ends for this test. */
  async function startAndAbandon(deadlineAt: Date) {
    const calls = answerWith((call) => (call === 1 ? delay(4_000) : Promise.resolve({ output: 'second' })));
    const key = newKey();
    const leave = new AbortController();
    const init = { method: 'POST', headers: { 'content-type': 'application/json', ...key } };
    fetch(`${gateways[0].url}/process-text`, { ...init, body: JSON.stringify(text), signal: leave.signal }).catch(
      () => undefined,
    );
    await abandon(key['idempotency-key'], deadlineAt);
    return { key, calls, leave };
  }

  it('stays in progress while the first request may still start somewhere', async () => {
    const { key, calls, leave } = await startAndAbandon(new Date(Date.now() + 60_000));
    expect((await gateways[1].post('/process-text', text, key)).status).toBe(409);
    expect(calls()).toBe(1);
    leave.abort();
  });

  it('runs again when nothing was charged and the first request cannot start any more', async () => {
    const { key, calls, leave } = await startAndAbandon(new Date(Date.now() - 1));
    const answer = await gateways[1].post('/process-text', text, key);
    expect([answer.status, answer.body]).toEqual([200, { output: 'second' }]);
    expect(calls()).toBe(2);
    leave.abort();
  });
});
