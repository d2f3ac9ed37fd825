import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, type HeardFrame } from '@tollgate/testing';
import { historyOf } from './chat-client.js';
import { TestClient } from './client.js';
import { isDelta, isEnd, lastEventIdOf, WebSocketStack } from './websocket-stack.js';

let sockets: WebSocketStack;

beforeAll(async () => {
  sockets = await WebSocketStack.start();
}, 120_000);
afterEach(() => sockets.reset());
afterAll(() => sockets.stop(), 60_000);

describe('chat sessions over a WebSocket', () => {
  it('go on side by side, are edited, answered anew and stopped, with the events of their SSE streams', async () => {
    const client = await sockets.registerPro();
    const socket = await sockets.connect(client);
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

    sockets.setPace(40);
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
    await sockets.expectLedgerToAgree(client);
  }, 30_000);

  it('end with the stored text after lost connections, wherever they were lost, and are charged once', async () => {
    const client = await sockets.registerPro();
    sockets.setPace(120);
    let socket = await sockets.connect(client);
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
      socket = await sockets.connect(client, cut % 2 === 0 ? sockets.stack.url : sockets.second.url);
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
    expect(await sockets.expectLedgerToAgree(client)).toMatchObject([{ outcome: 'completed' }]);
  }, 30_000);

  it('of another account are as if they did not exist, as are ids that are none', async () => {
    const [owner, other] = await Promise.all([
      TestClient.register(sockets.stack.url),
      TestClient.register(sockets.stack.url),
    ]);
    const mine = await sockets.connect(owner);
    mine.send({ type: 'session.start', ref: '1', initial_message: 'private' });
    const { session_id, user_message_id, message_id } = await mine.heard(({ type }) => type === 'start');
    await mine.last('1');
    const socket = await sockets.connect(other);
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
    const client = await sockets.registerPro();
    const metric = async (name: string, label = '') => {
      const text = await (await fetch(`${sockets.second.url}/metrics`, { headers: { accept: 'text/plain' } })).text();
      const line = text.split('\n').find((each) => each.startsWith(`${name}{`) && each.includes(label));
      return Number(line?.split(' ').at(-1) ?? 0);
    };
    const socket = await sockets.connect(client, sockets.second.url);
    socket.send({ type: 'message', ref: '1', message: `Repeat this: ${'word '.repeat(3_000)}` });
    await socket.last('1');
    sockets.setPace(50);
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
    const charges = await sockets.expectLedgerToAgree(client);
    expect(charges.map(({ outcome }) => outcome).sort()).toEqual(['cancelled', 'completed']);
  }, 60_000);
});

describe('a gateway that is killed', () => {
  it('leaves every answer settled once, and chat sessions to be resumed elsewhere', async () => {
    const client = await sockets.registerPro();
    sockets.setPace(40);
    const socket = await sockets.connect(client, sockets.second.url);
    socket.send({ type: 'session.start', ref: 's', initial_message: 'SIMULATE_TOKENS=150' });
    socket.send({ type: 'message', ref: 'm', message: 'SIMULATE_TOKENS=5000' });
    const { session_id, message_id } = await socket.heard(({ ref, type }) => ref === 's' && type === 'start');
    await socket.heard(({ ref, type }) => ref === 'm' && type === 'delta');
    sockets.second.child.kill('SIGKILL');
    expect((await socket.closed).code).toBe(1006);
    const lastEventId = lastEventIdOf(socket, 's');
    const resumed = await sockets.connect(client);
    resumed.send({ type: 'session.resume', ref: 's', session_id, message_id, last_event_id: lastEventId });
    const end = await resumed.last('s');
    expect(end).toMatchObject({ message: { state: 'complete', content: socket.text('s') + resumed.text('s') } });
    await resumed.close();
    // The reply stream of a killed gateway expires after fifteen seconds; then what it had asked for is cancelled.
    const calls = () => sockets.calls();
    await eventually(calls, (all) => all.every(({ outcome }) => outcome !== 'running'), 30_000);
    const charges = await sockets.expectLedgerToAgree(client);
    expect(charges.map(({ outcome }) => outcome).sort()).toEqual(['cancelled', 'completed']);
  }, 60_000);
});

// The last one: what it stops is needed by all others.
describe('a gateway that is told to stop', () => {
  it('finishes the answers of 64 connections, closes each with 1012, and refuses new work', async () => {
    const client = await sockets.registerPro();
    sockets.setPace(30);
    const idle = await sockets.connect(client);
    const connections = await Promise.all(Array.from({ length: 64 }, () => sockets.connect(client)));
    for (const socket of connections) socket.send({ type: 'message', ref: '1', message: 'SIMULATE_TOKENS=60' });
    // The provider works on twenty at a time: some stream, the others wait for their turn.
    await Promise.all(connections.map((socket) => socket.heard(({ type }) => type === 'quota')));
    await connections[0]?.heard(isDelta);
    sockets.stack.processOf('gateway').kill('SIGTERM');
    expect(await idle.closed).toEqual({ code: 1012, reason: 'shutting_down' });
    // One whose answer has not ended.
    const running = connections.at(-1);
    running?.send({ type: 'session.start', ref: '2', initial_message: 'More' });
    expect(await running?.last('2')).toMatchObject({ type: 'error', error: { code: 'shutting_down' } });
    const ends = await Promise.all(connections.map((socket) => socket.last('1')));
    expect(ends.map(({ type }) => type)).toEqual(ends.map(() => 'end'));
    const closes = await Promise.all(connections.map(({ closed }) => closed));
    expect(new Set(closes.map(({ code }) => code))).toEqual(new Set([1012]));
    await eventually(
      () => sockets.stack.processOf('gateway').exitCode,
      (code) => code === 0,
      10_000,
    );
    expect((await sockets.expectLedgerToAgree(client)).map(({ outcome }) => outcome)).toEqual(
      ends.map(() => 'completed'),
    );
  }, 60_000);
});
