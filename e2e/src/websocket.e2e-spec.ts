import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '@tollgate/testing';
import { TestClient } from './client.js';
import { isDelta, isEnd, WebSocketStack } from './websocket-stack.js';

let sockets: WebSocketStack;

beforeAll(async () => {
  sockets = await WebSocketStack.start();
}, 120_000);
afterEach(() => sockets.reset());
afterAll(() => sockets.stop(), 60_000);

describe('the conversation of a connection', () => {
  it('streams token by token, remembers what was said, and says what is left of the plan', async () => {
    const client = await sockets.registerPro();
    sockets.setPace(200);
    const socket = await sockets.connect(client);
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
    const first = sockets.calls().at(-1);
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
    const next = sockets.calls().at(-1);
    expect(next?.promptTokens).toBeGreaterThan((first?.promptTokens ?? Infinity) + 10);
    const other = await sockets.connect(client);
    other.send({ type: 'history', ref: 'h' });
    expect(await other.last('h')).toMatchObject({ messages: [] });
    await Promise.all([socket.close(), other.close()]);
    await sockets.expectLedgerToAgree(client);
  });

  it('stops when its client says so, and is charged for what was generated', async () => {
    const client = await sockets.registerPro();
    sockets.setPace(50);
    const socket = await sockets.connect(client);
    socket.send({ type: 'message', ref: '1', message: 'SIMULATE_TOKENS=2000' });
    await socket.heard(isDelta);
    socket.send({ type: 'stop', ref: '1' });
    expect(await socket.last('1')).toEqual({ type: 'stopped', ref: '1' });
    socket.send({ type: 'message', ref: '1', message: 'Go on' });
    await socket.heard(isEnd);
    await socket.close();
    const charges = await sockets.expectLedgerToAgree(client);
    expect(charges.map(({ outcome }) => outcome).sort()).toEqual(['cancelled', 'completed']);
  });

  it('is cancelled within 200 ms when its client hangs up, and settled once', async () => {
    const client = await sockets.registerPro();
    sockets.setPace(50);
    const socket = await sockets.connect(client);
    socket.send({ type: 'message', ref: '1', message: 'SIMULATE_TOKENS=2000' });
    await socket.heard(isDelta);
    const hungUpAt = Date.now();
    socket.socket.terminate();
    const calls = () => sockets.calls();
    const [call] = await eventually(calls, ([entry]) => entry?.outcome === 'client_closed');
    expect(Date.parse(call?.clientClosedAt ?? '') - hungUpAt).toBeLessThan(200);
    const charges = await sockets.expectLedgerToAgree(client);
    expect(charges).toMatchObject([{ outcome: 'cancelled' }]);
  });

  it('answers a key that was used before with the kept answer, charged once, also after the connection was lost', async () => {
    const client = await sockets.registerPro();
    sockets.setPace(50);
    const ask = { type: 'message', message: 'SIMULATE_TOKENS=60', idempotency_key: randomUUID() };
    const lost = await sockets.connect(client);
    lost.send({ ...ask, ref: '1' });
    await lost.heard(isDelta);
    lost.socket.terminate();
    const socket = await sockets.connect(client, sockets.second.url);
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
    expect(await sockets.expectLedgerToAgree(client)).toMatchObject([{ outcome: 'completed' }]);
  }, 30_000);

  it("keeps to the plan's calls at once and budget, with frames that say when to come back", async () => {
    const client = await TestClient.register(sockets.stack.url);
    sockets.stack.local.setPace({ tokensPerSecond: 20 });
    const connections = await Promise.all([
      sockets.connect(client),
      sockets.connect(client, sockets.second.url),
      sockets.connect(client),
    ]);
    const [one, two, three] = connections;
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
    sockets.stack.local.setPace({ tokensPerSecond: 0 });
    expect(await two?.last('1')).toMatchObject({ type: 'end' });
    await Promise.all([two?.close(), three?.close()]);
  });

  it('is refused with what is spent and when it resets when the budget is spent', async () => {
    const client = await TestClient.register(sockets.stack.url);
    await sockets.stack.query(
      `INSERT INTO plan SELECT (jsonb_populate_record(plan, '{"code": "spent", "tokens_per_month": 1, "tokens_hard_cap": 1}')).*
       FROM plan WHERE code = 'free'`,
    );
    await sockets.stack.query(
      "UPDATE account SET plan_code = 'spent' WHERE id = (SELECT account_id FROM app_user WHERE email = $1)",
      [client.email],
    );
    const socket = await sockets.connect(client);
    socket.send({ type: 'message', ref: '1', message: 'Hello' });
    expect(await socket.last('1')).toMatchObject({ type: 'error', error: { code: 'insufficient_quota' } });
    await socket.close();
    expect(await sockets.chargesOf(client)).toEqual([]);
  });
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
    const { token } = await TestClient.register(sockets.stack.url);
    const call = `(async () => { let text = ''; const usage = await ask('${sockets.stack.url}', '${token}', 'Hello', (delta) => (text += delta)); return { text, usage }; })()`;
    expect(await run('browser', call)).toEqual({
      text: expect.stringContaining('Hello'),
      usage: expect.objectContaining({ source: 'provider' }),
    });
  }, 30_000);

  it('for Node has a conversation', async () => {
    const { token } = await TestClient.register(sockets.stack.url);
    const answers = await run('node', `converse('${sockets.stack.url}', '${token}', ['My name is Ada.', 'Who am I?'])`);
    expect(answers).toEqual([expect.stringContaining('Ada'), expect.stringContaining('Who am I?')]);
  }, 30_000);
});
