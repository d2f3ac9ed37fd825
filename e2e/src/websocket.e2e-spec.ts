import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { eventually, freePort, startApp, WebSocketClient, type AppProcess, type HeardFrame } from '@tollgate/testing';
import { historyOf } from './chat-client.js';
import { TestClient } from './client.js';
import { startStack, type Stack } from './stack.js';

let stack: Stack;
/** Beside the stack's own. */
let second: AppProcess & { url: string };

beforeAll(async () => {
  stack = await startStack(
    {
      RATE_LIMIT_ENABLED: 'true',
      RATE_LIMIT_REQUESTS: '100000',
      SIGN_IN_REQUESTS_PER_MINUTE: '10000',
      WEBSOCKET_SLOW_READER_MS: '2000',
      WEBSOCKET_FRAMES_PER_SECOND: '1000',
      CHAT_GRACE_MS: '3000',
      MAX_CONCURRENT_REQUESTS: '100',
    },
    ['chat', 'llm-router'],
  );
  await stack.query("UPDATE plan SET concurrent_requests = 100 WHERE code = 'pro'");
  second = await startGateway();
}, 120_000);
afterEach(() => {
  stack.local.reset();
  stack.cloud.reset();
});
afterAll(async () => {
  await second.stop();
  await stack.stop();
}, 60_000);

async function startGateway(): Promise<AppProcess & { url: string }> {
  const port = String(await freePort());
  const gateway = await startApp('gateway', { ...stack.environment, PORT: port });
  return { ...gateway, url: `http://127.0.0.1:${port}` };
}

function setPace(tokensPerSecond: number): void {
  for (const provider of [stack.local, stack.cloud]) provider.setPace({ tokensPerSecond });
}

const connect = (client: TestClient, url = stack.url) =>
  WebSocketClient.connect(`${url}/ws/chat`, { headers: { authorization: `Bearer ${client.token}` } });

/** A user of the plan pro, of which more may run at once. */
async function registerPro(): Promise<TestClient> {
  const client = await TestClient.register(stack.url);
  await stack.query(
    "UPDATE account SET plan_code = 'pro' WHERE id = (SELECT account_id FROM app_user WHERE email = $1)",
    [client.email],
  );
  return client;
}

interface Charge {
  outcome: string;
  tokens_input: number;
  tokens_output: number;
}

const chargesOf = (client: TestClient) =>
  stack.query<Charge>(
    `SELECT outcome, tokens_input, tokens_output FROM usage_attempt JOIN app_user ON app_user.id = usage_attempt.user_id
     WHERE email = $1`,
    [client.email],
  );

/** Every call of the providers stands in the ledger once, complete ones with their very tokens. */
async function expectLedgerToAgree(client: TestClient): Promise<Charge[]> {
  const callsEnded = () => [...stack.local.calls(), ...stack.cloud.calls()];
  const calls = await eventually(callsEnded, (all) => all.every(({ outcome }) => outcome !== 'running'), 15_000);
  const charges = await eventually(
    () => chargesOf(client),
    ({ length }) => length >= calls.length,
    15_000,
  );
  expect(charges).toHaveLength(calls.length);
  const sizes = (list: [number, number][]) => list.map(String).sort();
  expect(
    sizes(charges.flatMap((row) => (row.outcome === 'completed' ? [[row.tokens_input, row.tokens_output]] : []))),
  ).toEqual(
    sizes(calls.flatMap((call) => (call.outcome === 'completed' ? [[call.promptTokens, call.completionTokens]] : []))),
  );
  return charges;
}

const isEnd = ({ type }: HeardFrame) => type === 'end';
const isDelta = ({ type }: HeardFrame) => type === 'delta';

function lastEventIdOf({ frames }: WebSocketClient, ref: string): string | undefined {
  const last = frames.findLast((frame) => isDelta(frame) && frame['ref'] === ref);
  return last && String(last['id']);
}

describe('the conversation of a connection', () => {
  it('streams token by token, remembers what was said, and says what is left of the plan', async () => {
    const client = await registerPro();
    setPace(200);
    const socket = await connect(client);
    socket.send({ type: 'message', ref: '1', message: 'My name is Ada.' });
    const end = await socket.last('1');
    expect(end).toMatchObject({ type: 'end', finish_reason: 'stop', usage: { source: 'provider' } });
    const frames = socket.frames.filter(({ ref }) => ref === '1');
    expect(frames.map(({ type }) => type)).toEqual([
      'quota',
      'start',
      ...frames.slice(2, -1).map(() => 'delta'),
      'end',
    ]);
    expect(frames.length).toBeGreaterThan(5);
    expect(frames[0]).toMatchObject({ headers: { 'x-ratelimit-remaining-requests': expect.any(String) } });
    const first = [...stack.local.calls(), ...stack.cloud.calls()].at(-1);
    socket.send({ type: 'message', ref: '2', message: 'What is my name?' });
    await socket.last('2');
    socket.send({ type: 'history', ref: 'h' });
    expect(await socket.last('h')).toMatchObject({
      messages: [
        { role: 'user', content: 'My name is Ada.' },
        { role: 'assistant', content: socket.text('1') },
        { role: 'user', content: 'What is my name?' },
        { role: 'assistant', content: socket.text('2') },
      ],
    });
    const next = [...stack.local.calls(), ...stack.cloud.calls()].at(-1);
    expect(next?.promptTokens).toBeGreaterThan((first?.promptTokens ?? Infinity) + 10);
    const other = await connect(client);
    other.send({ type: 'history', ref: 'h' });
    expect(await other.last('h')).toMatchObject({ messages: [] });
    await Promise.all([socket.close(), other.close()]);
    await expectLedgerToAgree(client);
  });

  it('stops when its client says so, and is charged for what was generated', async () => {
    const client = await registerPro();
    setPace(50);
    const socket = await connect(client);
    socket.send({ type: 'message', ref: '1', message: 'SIMULATE_TOKENS=2000' });
    await socket.heard(isDelta);
    socket.send({ type: 'stop', ref: '1' });
    expect(await socket.last('1')).toEqual({ type: 'stopped', ref: '1' });
    socket.send({ type: 'message', ref: '1', message: 'Go on' });
    await socket.heard(isEnd);
    await socket.close();
    const charges = await expectLedgerToAgree(client);
    expect(charges.map(({ outcome }) => outcome).sort()).toEqual(['cancelled', 'completed']);
  });

  it('is cancelled within 200 ms when its client hangs up, and settled once', async () => {
    const client = await registerPro();
    setPace(50);
    const socket = await connect(client);
    socket.send({ type: 'message', ref: '1', message: 'SIMULATE_TOKENS=2000' });
    await socket.heard(isDelta);
    const hungUpAt = Date.now();
    socket.socket.terminate();
    const calls = () => [...stack.local.calls(), ...stack.cloud.calls()];
    const [call] = await eventually(calls, ([entry]) => entry?.outcome === 'client_closed');
    expect(Date.parse(call?.clientClosedAt ?? '') - hungUpAt).toBeLessThan(200);
    const charges = await expectLedgerToAgree(client);
    expect(charges).toMatchObject([{ outcome: 'cancelled' }]);
  });

  it('answers a key that was used before with the kept answer, charged once, also after the connection was lost', async () => {
    const client = await registerPro();
    setPace(50);
    const ask = { type: 'message', message: 'SIMULATE_TOKENS=60', idempotency_key: randomUUID() };
    const lost = await connect(client);
    lost.send({ ...ask, ref: '1' });
    await lost.heard(isDelta);
    lost.socket.terminate();
    const socket = await connect(client, second.url);
    socket.send({ ...ask, ref: 'early' });
    expect(await socket.last('early')).toMatchObject({ type: 'error', error: { code: 'idempotency_in_progress' } });
    socket.send({ ...ask, ref: 'other', message: 'Something else' });
    expect(await socket.last('other')).toMatchObject({ type: 'error', error: { code: 'idempotency_key_reused' } });
    let tries = 0;
    const kept = await eventually(
      () => {
        socket.send({ ...ask, ref: `try ${(tries += 1)}` });
        return socket.last(`try ${tries}`);
      },
      (frame) => frame.type === 'end',
      10_000,
    );
    expect(kept).toMatchObject({ replayed: true });
    expect(socket.text(`try ${tries}`).startsWith(lost.text('1'))).toBe(true);
    await socket.close();
    expect(await expectLedgerToAgree(client)).toMatchObject([{ outcome: 'completed' }]);
  }, 30_000);

  it("keeps to the plan's calls at once and budget, with frames that say when to come back", async () => {
    const client = await TestClient.register(stack.url);
    stack.local.setPace({ tokensPerSecond: 20 });
    const sockets = await Promise.all([connect(client), connect(client, second.url), connect(client)]);
    const [one, two, three] = sockets;
    for (const socket of [one, two]) socket?.send({ type: 'message', ref: '1', message: 'SIMULATE_TOKENS=500' });
    await Promise.all([one?.heard(isDelta), two?.heard(isDelta)]);
    three?.send({ type: 'message', ref: '1', message: 'Me too' });
    expect(await three?.last('1')).toMatchObject({
      type: 'error',
      error: { code: 'rate_limit_exceeded' },
      limit: 2,
      retry_after: 1,
    });
    one?.socket.terminate();
    stack.local.setPace({ tokensPerSecond: 0 });
    expect(await two?.last('1')).toMatchObject({ type: 'end' });
    await Promise.all([two?.close(), three?.close()]);
  });

  it('is refused with what is spent and when it resets when the budget is spent', async () => {
    const client = await TestClient.register(stack.url);
    await stack.query(
      `INSERT INTO plan SELECT (jsonb_populate_record(plan, '{"code": "spent", "tokens_per_month": 1, "tokens_hard_cap": 1}')).*
       FROM plan WHERE code = 'free'`,
    );
    await stack.query(
      "UPDATE account SET plan_code = 'spent' WHERE id = (SELECT account_id FROM app_user WHERE email = $1)",
      [client.email],
    );
    const socket = await connect(client);
    socket.send({ type: 'message', ref: '1', message: 'Hello' });
    expect(await socket.last('1')).toMatchObject({ type: 'error', error: { code: 'insufficient_quota' } });
    await socket.close();
    expect(await chargesOf(client)).toEqual([]);
  });
});

describe('chat sessions over a WebSocket', () => {
  it('go on side by side, are edited, answered anew and stopped, with the events of their SSE streams', async () => {
    const client = await registerPro();
    const socket = await connect(client);
    const names = ['a', 'b', 'c'];
    for (const ref of names) socket.send({ type: 'session.start', ref, initial_message: `Hello from ${ref}` });
    const ends = await Promise.all(names.map((ref) => socket.last(ref)));
    const starts = names.map((ref) => socket.frames.find((frame) => frame['ref'] === ref && frame.type === 'start'));
    const [session, other] = starts.map((start) => String(start?.['session_id']));
    expect(new Set(starts.map((start) => start?.['session_id'])).size).toBe(3);
    expect(ends[0]).toMatchObject({ id: String(socket.text('a').length), message: { content: socket.text('a') } });

    socket.send({ type: 'session.message', ref: 'm', session_id: session, user_message: 'And then?' });
    expect(await socket.last('m')).toMatchObject({ message: { state: 'complete', content: socket.text('m') } });
    const asked = socket.frames.find((frame) => frame['ref'] === 'm' && frame.type === 'start')?.['user_message_id'];
    socket.send({ type: 'session.edit', ref: 'e', session_id: session, message_id: asked, user_message: 'What?' });
    expect(await socket.last('e')).toMatchObject({ message: { state: 'complete' } });
    socket.send({ type: 'session.regenerate', ref: 'r', session_id: session });
    expect(await socket.last('r')).toMatchObject({ message: { state: 'complete' } });
    const history = await historyOf(client, String(session));
    expect(history.map(({ content }) => content)).toEqual([
      'Hello from a',
      socket.text('a'),
      'What?',
      socket.text('r'),
    ]);

    setPace(40);
    for (const [ref, session_id] of [
      ['x', session],
      ['y', other],
    ]) {
      socket.send({ type: 'session.message', ref, session_id, user_message: 'SIMULATE_TOKENS=2000' });
      await socket.heard((frame) => frame['ref'] === ref && frame.type === 'delta');
    }
    socket.send({ type: 'session.message', ref: 'z', session_id: other, user_message: 'Now?', on_conflict: 'reject' });
    expect(await socket.last('z')).toMatchObject({ type: 'error', error: { code: 'session_busy' } });
    socket.send({ type: 'stop', ref: 'x' });
    expect(await socket.last('x')).toMatchObject({ type: 'end', message: { state: 'stopped' } });
    const running = socket.frames.find((frame) => frame['ref'] === 'y' && frame.type === 'start');
    socket.send({ type: 'session.stop', ref: 's', session_id: other, message_id: running?.['message_id'] });
    expect(await socket.last('s')).toMatchObject({ type: 'stopped', message: { state: 'stopped' } });
    expect(await socket.last('y')).toMatchObject({ type: 'end', message: { state: 'stopped' } });
    await socket.close();
    await expectLedgerToAgree(client);
  }, 30_000);

  it('end with the stored text after lost connections, wherever they were lost, and are charged once', async () => {
    const client = await registerPro();
    setPace(120);
    let socket = await connect(client);
    socket.send({ type: 'session.start', ref: '0', initial_message: 'SIMULATE_TOKENS=300' });
    const { session_id, message_id } = await socket.heard(({ type }) => type === 'start');
    let text = '';
    let lastEventId = '0';
    let end: HeardFrame | undefined;
    for (let cut = 1; !end; cut += 1) {
      await sleep(50 + Math.random() * 200);
      socket.socket.terminate();
      await socket.closed;
      text += socket.text(String(cut - 1));
      lastEventId = lastEventIdOf(socket, String(cut - 1)) ?? lastEventId;
      end = socket.frames.find(isEnd);
      if (end) break;
      socket = await connect(client, cut % 2 === 0 ? stack.url : second.url);
      socket.send({
        type: 'session.resume',
        ref: String(cut),
        session_id,
        message_id,
        last_event_id: lastEventId,
      });
    }
    expect(end).toMatchObject({ message: { state: 'complete', content: text } });
    expect((await historyOf(client, String(session_id))).at(-1)?.content).toBe(text);
    expect(await expectLedgerToAgree(client)).toMatchObject([{ outcome: 'completed' }]);
  }, 30_000);

  it('of another account are as if they did not exist, as are ids that are none', async () => {
    const [owner, other] = await Promise.all([TestClient.register(stack.url), TestClient.register(stack.url)]);
    const mine = await connect(owner);
    mine.send({ type: 'session.start', ref: '1', initial_message: 'private' });
    const { session_id, user_message_id, message_id } = await mine.heard(({ type }) => type === 'start');
    await mine.last('1');
    const socket = await connect(other);
    let ref = 0;
    const answersTo = async (session: unknown, question: unknown, answer: unknown) => {
      const frames = [
        { type: 'session.message', session_id: session, user_message: 'x' },
        { type: 'session.edit', session_id: session, message_id: question, user_message: 'x' },
        { type: 'session.regenerate', session_id: session },
        { type: 'session.resume', session_id: session, message_id: answer },
        { type: 'session.stop', session_id: session, message_id: answer },
      ];
      const answers = [];
      for (const frame of frames) {
        ref += 1;
        socket.send({ ...frame, ref: String(ref) });
        const { request_id: _id, ref: _ref, ...rest } = await socket.last(String(ref));
        answers.push(rest);
      }
      return answers;
    };
    const missing = randomUUID();
    const absent = await answersTo(missing, missing, missing);
    expect(absent.map(({ error }) => error)).toEqual(absent.map(() => expect.objectContaining({ code: 'not_found' })));
    expect(await answersTo(session_id, user_message_id, message_id)).toEqual(absent);
    expect(await answersTo('no-id', 'no-id', 'no-id')).toEqual(absent);
    await Promise.all([mine.close(), socket.close()]);
  });
});

describe('a client that does not read', () => {
  it('is cut off with no more than a bound in memory, and its answer stopped and charged once', async () => {
    const client = await registerPro();
    const metric = async (name: string, label = '') => {
      const text = await (await fetch(`${second.url}/metrics`, { headers: { accept: 'text/plain' } })).text();
      const line = text.split('\n').find((each) => each.startsWith(`${name}{`) && each.includes(label));
      return Number(line?.split(' ').at(-1) ?? 0);
    };
    const socket = await connect(client, second.url);
    socket.send({ type: 'message', ref: '1', message: `Repeat this: ${'word '.repeat(3_000)}` });
    await socket.last('1');
    setPace(50);
    socket.send({ type: 'session.start', ref: '2', initial_message: 'SIMULATE_TOKENS=5000' });
    await socket.heard(({ ref, type }) => ref === '2' && type === 'delta');
    socket.socket.pause();
    for (let ref = 0; ref < 1_500; ref += 1) socket.send({ type: 'history', ref: `history ${ref}` });
    let bufferedMax = 0;
    const cuts = async () => {
      bufferedMax = Math.max(bufferedMax, await metric('tollgate_websocket_buffered_bytes'));
      return metric('tollgate_websocket_cut_total', 'cause="slow_reader"');
    };
    await eventually(cuts, (count) => count === 1, 20_000);
    expect(bufferedMax).toBeGreaterThan(256 * 1024);
    expect(bufferedMax).toBeLessThan(512 * 1024);
    expect(await metric('tollgate_websocket_buffered_bytes')).toBe(0);
    socket.socket.terminate();
    const charges = await expectLedgerToAgree(client);
    expect(charges.map(({ outcome }) => outcome).sort()).toEqual(['cancelled', 'completed']);
  }, 60_000);
});

describe('the examples of docs/websocket.md', () => {
  const documented = readFileSync(join(__dirname, '../../docs/websocket.md'), 'utf8');
  const codeOf = (name: string) =>
    new RegExp(`<!-- example: ${name} -->\n\n\`\`\`js\n(.*?)\`\`\``, 's').exec(documented)?.[1] ?? '';

  /** Runs an example as a module of its own with a call at its end; what that gives comes back as JSON. */
  async function run(name: string, call: string): Promise<unknown> {
    const code = `${codeOf(name)}\nconsole.log(JSON.stringify(await ${call}));`;
    const cwd = join(__dirname, '..');
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], { cwd });
    return JSON.parse(stdout);
  }

  it('for browsers gets an answer by a ticket, with the WebSocket that Node shares with them', async () => {
    const { token } = await TestClient.register(stack.url);
    const call = `(async () => { let text = ''; const usage = await ask('${stack.url}', '${token}', 'Hello', (delta) => (text += delta)); return { text, usage }; })()`;
    expect(await run('browser', call)).toEqual({
      text: expect.stringContaining('Hello'),
      usage: expect.objectContaining({ source: 'provider' }),
    });
  }, 30_000);

  it('for Node has a conversation', async () => {
    const { token } = await TestClient.register(stack.url);
    const answers = await run('node', `converse('${stack.url}', '${token}', ['My name is Ada.', 'Who am I?'])`);
    expect(answers).toEqual([expect.stringContaining('Ada'), expect.stringContaining('Who am I?')]);
  }, 30_000);
});

describe('a gateway that is killed', () => {
  it('leaves every answer settled once, and chat sessions to be resumed elsewhere', async () => {
    const client = await registerPro();
    setPace(40);
    const socket = await connect(client, second.url);
    socket.send({ type: 'session.start', ref: 's', initial_message: 'SIMULATE_TOKENS=150' });
    socket.send({ type: 'message', ref: 'm', message: 'SIMULATE_TOKENS=5000' });
    const { session_id, message_id } = await socket.heard(({ ref, type }) => ref === 's' && type === 'start');
    await socket.heard(({ ref, type }) => ref === 'm' && type === 'delta');
    second.child.kill('SIGKILL');
    expect((await socket.closed).code).toBe(1006);
    const lastEventId = lastEventIdOf(socket, 's');
    const resumed = await connect(client);
    resumed.send({ type: 'session.resume', ref: 's', session_id, message_id, last_event_id: lastEventId });
    const end = await resumed.last('s');
    expect(end).toMatchObject({ message: { state: 'complete', content: socket.text('s') + resumed.text('s') } });
    await resumed.close();
    // The reply stream of a killed gateway expires after fifteen seconds; then what it had asked for is cancelled.
    const calls = () => [...stack.local.calls(), ...stack.cloud.calls()];
    await eventually(calls, (all) => all.every(({ outcome }) => outcome !== 'running'), 30_000);
    const charges = await expectLedgerToAgree(client);
    expect(charges.map(({ outcome }) => outcome).sort()).toEqual(['cancelled', 'completed']);
  }, 60_000);
});

// The last one: what it stops is needed by all others.
describe('a gateway that is told to stop', () => {
  it('finishes the answers of 64 connections, closes each with 1012, and refuses new work', async () => {
    const client = await registerPro();
    setPace(30);
    const idle = await connect(client);
    const sockets = await Promise.all(Array.from({ length: 64 }, () => connect(client)));
    for (const socket of sockets) socket.send({ type: 'message', ref: '1', message: 'SIMULATE_TOKENS=150' });
    await Promise.all(sockets.map((socket) => socket.heard(isDelta)));
    stack.processOf('gateway').kill('SIGTERM');
    expect(await idle.closed).toEqual({ code: 1012, reason: 'shutting_down' });
    // Of the answers that began last, which still run.
    const running = sockets.at(-1);
    running?.send({ type: 'session.start', ref: '2', initial_message: 'More' });
    expect(await running?.last('2')).toMatchObject({ type: 'error', error: { code: 'shutting_down' } });
    const ends = await Promise.all(sockets.map((socket) => socket.last('1')));
    expect(ends.map(({ type }) => type)).toEqual(ends.map(() => 'end'));
    const closes = await Promise.all(sockets.map(({ closed }) => closed));
    expect(new Set(closes.map(({ code }) => code))).toEqual(new Set([1012]));
    await eventually(
      () => stack.processOf('gateway').exitCode,
      (code) => code === 0,
      10_000,
    );
    expect((await expectLedgerToAgree(client)).map(({ outcome }) => outcome)).toEqual(ends.map(() => 'completed'));
  }, 60_000);
});
