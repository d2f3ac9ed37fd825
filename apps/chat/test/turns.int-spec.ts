import { setTimeout as sleep } from 'node:timers/promises';
import { followAnswer, regenerateAnswer, sendMessage, startChat, stopAnswer, editMessage } from '@tollgate/contracts';
import { eventually, failureOf } from '@tollgate/testing';
import { Bells } from '../src/coordination/bells.js';
import { TurnStore } from '../src/turns/turn-store.js';
import { Chatter, endOf, startChatService, textOf, type ChatUnderTest } from './chat-under-test.js';

let chat: ChatUnderTest;

beforeAll(async () => {
  chat = await startChatService({ CHAT_GRACE_MS: '1000' });
}, 60_000);
afterEach(() => chat.simulator.reset());
afterAll(() => chat.stop(), 30_000);

const long = (tokens: number) => `Tell me a story. SIMULATE_TOKENS=${tokens}`;
const wait = { on_conflict: 'wait' } as const;

describe('a turn', () => {
  it('streams what is stored, and its tokens stand in the ledger once', async () => {
    const user = await Chatter.arrive(chat);
    const events = await user.readAll((messages) => messages.stream(startChat, { initial_message: 'Hello, model' }));
    const answer = endOf(events);
    expect(events[0]).toMatchObject({ type: 'start', id: '0', message_id: answer.message_id });
    expect(textOf(events)).toBe(answer.content);
    expect(answer).toMatchObject({ sender: 'LLM', state: 'complete', finish_reason: 'stop', model: 'gemma3:4b' });

    const history = await user.history(answer.session_id);
    expect(history.map(({ sender, content }) => [sender, content])).toEqual([
      ['user', 'Hello, model'],
      ['LLM', answer.content],
    ]);
    const rows = await chat.database.usageAttempt.findMany({ where: { accountId: user.caller.account_id } });
    const [call] = chat.simulator.calls();
    expect(rows).toMatchObject([
      { task: 'chat', tokensInput: call?.promptTokens, tokensOutput: call?.completionTokens },
    ]);
    expect(answer.tokens).toBe(call?.completionTokens);
  });

  it('of ten sent at once to one session comes after the one before it, and none is lost', async () => {
    const user = await Chatter.arrive(chat);
    const session = await user.start('first');
    const answers = await Promise.all(Array.from({ length: 10 }, (_, index) => user.send(session, `number ${index}`)));
    expect(answers.every(({ state }) => state === 'complete')).toBe(true);
    const history = await user.history(session);
    expect(history.map(({ sender }) => sender)).toEqual(Array.from({ length: 11 }, () => ['user', 'LLM']).flat());
    for (const [index, { sender, content }] of history.entries()) {
      if (sender === 'user') expect(history[index + 1]?.content).toContain(content);
    }
    expect(new Set(history.map(({ content }) => content)).size).toBe(22);
  });

  it('is refused at once while another runs, when its client asks for that', async () => {
    const user = await Chatter.arrive(chat);
    const session = await user.start('first');
    chat.simulator.setPace({ tokensPerSecond: 50 });
    const running = user.send(session, long(40));
    await eventually(
      () => chat.simulator.calls().length,
      (calls) => calls === 2,
    );
    const refused = await failureOf(user.send(session, 'me too', { on_conflict: 'reject' }));
    expect(refused).toMatchObject({ code: 'session_busy', status: 409, retryAfterSeconds: 2 });
    expect((await running).state).toBe('complete');
    expect((await user.send(session, 'now', { on_conflict: 'reject' })).state).toBe('complete');
    expect((await user.history(session)).length).toBe(6);
  });

  it('whose answer never begins leaves nothing, a new session included', async () => {
    const user = await Chatter.arrive(chat);
    const session = await user.start('first');
    chat.simulator.setFault({ kind: 'status', status: 500 });
    expect((await failureOf(user.send(session, 'lost?'))).code).toMatch(/provider_error|no_model_available/);
    expect((await failureOf(user.start('lost?'))).code).toMatch(/provider_error|no_model_available/);
    expect((await user.history(session)).map(({ content }) => content)).not.toContain('lost?');
    expect(await chat.database.chatSession.count({ where: { userId: user.caller.user_id } })).toBe(1);
  });

  it('that is too long for the model is refused with the numbers', async () => {
    const user = await Chatter.arrive(chat);
    const session = await user.start('first');
    const refused = await failureOf(user.send(session, 'word '.repeat(9_000)));
    expect(refused).toMatchObject({ code: 'context_length_exceeded', param: 'user_message' });
    expect((await user.history(session)).length).toBe(2);
  });

  it('that the provider breaks off keeps the question and what was written, as failed', async () => {
    const user = await Chatter.arrive(chat);
    const session = await user.start('first');
    chat.simulator.setFault({ kind: 'error_frame', afterTokens: 12 });
    const events: string[] = [];
    const failure = await failureOf(
      user.ask(async (messages) => {
        for await (const event of messages.stream(sendMessage, {
          session_id: session,
          user_message: long(40),
          ...wait,
        })) {
          if (event.type === 'delta') events.push(event.delta);
        }
      }),
    );
    expect(failure).toMatchObject({ code: 'provider_error', details: { state: 'failed', session_id: session } });
    const [, , question, answer] = await user.history(session);
    expect(question).toMatchObject({ sender: 'user', state: 'complete' });
    expect(answer).toMatchObject({ state: 'failed', error_code: 'provider_error', content: events.join('') });
    expect(answer?.content).not.toBe('');
  });

  it('cannot be written twice, whatever its writers believe of the lock', async () => {
    const user = await Chatter.arrive(chat);
    const sessionId = await user.start('first');
    const store = chat.app.get(TurnStore);
    const session = await store.session(sessionId, user.caller);
    const origin = { caller: user.caller, requestId: session.id };
    const outcomes = await Promise.allSettled([
      store.append(session, { content: 'one' }, origin),
      store.append(session, { content: 'two' }, origin),
      store.regenerate(session, origin),
    ]);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'session_busy' });
    }
    const written = await chat.database.chatMessage.findMany({ where: { sessionId, supersededBy: null } });
    expect(written.filter(({ position }) => position === 5)).toHaveLength(1);
  });
});

describe('an answer', () => {
  it('goes on without its reader, who resumes at the character where he left, and is charged once', async () => {
    const user = await Chatter.arrive(chat);
    const session = await user.start('first');
    chat.simulator.clearCalls();
    chat.simulator.setPace({ tokensPerSecond: 100 });
    const question = { session_id: session, user_message: long(60), ...wait };
    const seen = await user.readSome((messages) => messages.stream(sendMessage, question), 5);
    const [start] = seen;
    if (start?.type !== 'start') throw new Error('no start');
    const address = { session_id: session, message_id: start.message_id };
    const after = Number(seen.at(-1)?.id);
    expect(after).toBe(textOf(seen).length);
    const rest = await user.readAll((messages) => messages.stream(followAnswer, { ...address, after }));
    expect(rest.some(({ type }) => type === 'start')).toBe(false);
    expect(textOf(seen) + textOf(rest)).toBe(endOf(rest).content);
    expect(endOf(rest)).toMatchObject({ state: 'complete', tokens: 60 });
    expect(chat.simulator.calls()).toHaveLength(1);

    // And later: from the middle of what was one event, and when Redis has forgotten.
    const again = await user.readAll((messages) => messages.stream(followAnswer, { ...address, after: 7 }));
    expect(textOf(again)).toBe(endOf(rest).content.slice(7));
    await chat.redis.del(`tollgate:chat:{${session}}:events:${start.message_id}`);
    const stored = await user.readAll((messages) => messages.stream(followAnswer, address));
    expect(textOf(stored)).toBe(endOf(rest).content);
  });

  it('that nobody reads is stopped after the grace period, kept, and settled once', async () => {
    const user = await Chatter.arrive(chat);
    const session = await user.start('first');
    chat.simulator.clearCalls();
    chat.simulator.setPace({ tokensPerSecond: 20 });
    const question = { session_id: session, user_message: long(2_000), ...wait };
    const seen = await user.readSome((messages) => messages.stream(sendMessage, question), 3);
    const answer = await eventually(
      async () => (await user.history(session)).at(-1),
      (message) => message?.state === 'stopped',
      8_000,
    );
    expect(answer?.content.startsWith(textOf(seen))).toBe(true);
    const [call] = chat.simulator.calls();
    expect(call?.outcome).toBe('client_closed');
    const rows = await eventually(
      () => chat.database.usageAttempt.findMany({ where: { accountId: user.caller.account_id } }),
      ({ length }) => length === 2,
    );
    expect(rows.map(({ outcome }) => outcome).sort()).toEqual(['cancelled', 'completed']);
  });

  it('is not taken for one that nobody reads because its reader is late to say so', async () => {
    const user = await Chatter.arrive(chat);
    const session = await user.start('first');
    chat.simulator.setPace({ firstTokenMs: 1_200 });
    const bells = chat.app.get(Bells);
    const listen = bells.listen.bind(bells);
    const late = jest.spyOn(bells, 'listen').mockImplementation(async (channel) => {
      await sleep(900);
      return listen(channel);
    });
    expect(await user.send(session, 'second')).toMatchObject({ state: 'complete' });
    late.mockRestore();
  });

  it('can be stopped by its user, and the next turn goes on from what was written', async () => {
    const user = await Chatter.arrive(chat);
    const session = await user.start('first');
    chat.simulator.setPace({ tokensPerSecond: 50 });
    const question = { session_id: session, user_message: long(2_000), ...wait };
    let stopping: Promise<unknown> | undefined;
    const events = await user.ask(async (messages) => {
      const read = [];
      for await (const event of messages.stream(sendMessage, question)) {
        read.push(event);
        if (event.type !== 'start' || stopping) continue;
        stopping = messages.send(stopAnswer, { session_id: session, message_id: event.message_id });
      }
      return read;
    });
    expect(await stopping).toMatchObject({ state: 'stopped', finish_reason: 'stopped' });
    expect(endOf(events)).toMatchObject({ state: 'stopped', content: textOf(events) });
    chat.simulator.reset();
    expect((await user.send(session, 'and now?')).state).toBe('complete');
  });

  it('of a replica that died keeps all that was streamed, marked failed, before the next turn and without one', async () => {
    const user = await Chatter.arrive(chat);
    const session = await user.start('first');
    // As a killed process leaves it: a running row, events in Redis, and no lock or one that expires.
    const store = chat.app.get(TurnStore);
    const turn = await store.append(
      await store.session(session, user.caller),
      { content: 'interrupted' },
      {
        caller: user.caller,
        requestId: session,
      },
    );
    const events = `tollgate:chat:{${session}}:events:${turn.messageId}`;
    await chat.redis.xadd(events, '0-1', 'start', '');
    await chat.redis.xadd(events, '8-1', 'delta', 'so far, ');
    await chat.redis.xadd(events, '12-1', 'delta', 'good');
    const next = await user.send(session, 'go on');
    expect(next.state).toBe('complete');
    expect((await user.history(session)).slice(-4).map(({ content, state }) => [content, state])).toEqual([
      ['interrupted', 'complete'],
      ['so far, good', 'failed'],
      ['go on', 'complete'],
      [next.content, 'complete'],
    ]);
    await expect(chat.redis.xadd(events, '20-1', 'delta', 'zombie')).rejects.toThrow('equal or smaller');

    const lonely = await store.append(
      await store.session(session, user.caller),
      { content: 'again' },
      {
        caller: user.caller,
        requestId: session,
      },
    );
    await chat.database.chatMessage.update({
      where: { id: lonely.messageId },
      data: { createdAt: new Date(Date.now() - 10_000), content: 'kept' },
    });
    const answer = await eventually(
      async () => (await user.history(session)).at(-1),
      (message) => message?.state === 'failed',
      5_000,
    );
    expect(answer).toMatchObject({ content: 'kept', error_code: 'replica_lost' });
  });
});

describe('a conversation', () => {
  it('can be edited and answered again; what was replaced is kept apart', async () => {
    const user = await Chatter.arrive(chat);
    const session = await user.start('one');
    await user.send(session, 'two');
    const [, , two] = await user.history(session);
    const edit = { session_id: session, message_id: two?.message_id ?? '', user_message: 'two, better', ...wait };
    const edited = endOf(await user.readAll((messages) => messages.stream(editMessage, edit)));
    expect(edited.content).toContain('two, better');
    const again = endOf(
      await user.readAll((messages) => messages.stream(regenerateAnswer, { session_id: session, ...wait })),
    );
    expect(again.message_id).not.toBe(edited.message_id);
    const history = await user.history(session);
    expect(history.map(({ content }) => content)).toEqual(['one', expect.any(String), 'two, better', again.content]);
    expect((await user.history(session, true)).filter(({ superseded }) => superseded)).toHaveLength(3);
  });

  it('is as it was when an edit finds no model', async () => {
    const user = await Chatter.arrive(chat);
    const session = await user.start('one');
    const before = await user.history(session);
    chat.simulator.setFault({ kind: 'status', status: 500 });
    const edit = { session_id: session, message_id: before[0]?.message_id ?? '', user_message: 'other', ...wait };
    await failureOf(user.readAll((messages) => messages.stream(editMessage, edit)));
    expect(await user.history(session)).toEqual(before);
  });
});
