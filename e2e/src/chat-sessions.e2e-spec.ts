import { randomUUID } from 'node:crypto';
import { ChatMessageSchema, ChatSessionSchema, SendChatMessageResponse } from '@tollgate/contracts';
import { z } from 'zod';
import { historyOf, startSession } from './chat-client.js';
import { TestClient } from './client.js';
import { startStack, type Stack } from './stack.js';

const sessions = '/api/v1/chat/sessions';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({}, ['chat', 'llm-router']);
}, 60_000);
afterEach(() => {
  stack.local.reset();
  stack.cloud.reset();
});
afterAll(() => stack.stop(), 60_000);

describe('the documented chat routes', () => {
  it.each(['', '/'])('work with their paths ending in "%s"', async (slash) => {
    const client = await TestClient.register(stack.url);
    const { id } = await client.me();
    const started = await client.post(`/llm/chat${slash}`, { user_id: id, initial_message: 'Suggest a pipeline' });
    expect(started.status).toBe(200);
    const { session_id, message } = z.object({ session_id: z.uuid(), message: z.string() }).parse(await started.json());
    expect(message).toContain('Suggest a pipeline');

    const sent = await client.post(`/llm/chat/${session_id}/message${slash}`, { user_message: 'And a block?' });
    const answer = SendChatMessageResponse.parse(await sent.json());
    expect(answer.response_message).toContain('And a block?');
    expect(answer.updated_session).toBe(session_id);

    const listed = await client.get(`/llm/chat/sessions${slash}`);
    expect(z.array(ChatSessionSchema).parse(await listed.json())).toMatchObject([{ session_id, user_id: id }]);
    const history = await client.get(`/llm/chat/${session_id}/history${slash}`);
    expect(z.array(ChatMessageSchema).parse(await history.json())).toMatchObject([
      { sender: 'user', content: 'Suggest a pipeline', session_id },
      { sender: 'LLM', content: message },
      { sender: 'user', content: 'And a block?' },
      { sender: 'LLM', content: answer.response_message, state: 'complete' },
    ]);

    const ended = await client.get(`/llm/chat/${session_id}${slash}`, { method: 'DELETE' });
    expect(await ended.json()).toEqual({ session_id, message: expect.any(String) });
    expect((await client.get(`/llm/chat/${session_id}/history${slash}`)).status).toBe(404);
  });
});

describe('a chat session', () => {
  it('is exported as JSON and as Markdown, found by its words, renamed and forked', async () => {
    const client = await TestClient.register(stack.url);
    const { session_id, message, answer } = await startSession(client, 'What is a marmot?');
    const json = await (await client.get(`${sessions}/${session_id}/export`)).json();
    expect(json).toMatchObject({
      session: { session_id },
      messages: [{ content: 'What is a marmot?' }, { content: message }],
    });
    const markdown = await (await client.get(`${sessions}/${session_id}/export?format=markdown`)).text();
    expect(markdown).toMatch(/^# What is a marmot\?\n/);
    expect(markdown).toContain(`\n\n${message}\n`);
    const found = await (await client.get(`${sessions}/search?q=marmot`)).json();
    expect(found).toMatchObject({ data: [{ session_id }, { session_id }], has_more: false });
    const renamed = await client.post(`${sessions}/${session_id}`, { title: 'Marmots' }, { method: 'PATCH' });
    expect(await renamed.json()).toMatchObject({ title: 'Marmots' });
    const forked = await client.post(`${sessions}/${session_id}/messages/${answer.message_id}/fork`, {});
    expect(forked.status).toBe(201);
    expect(await forked.json()).toMatchObject({ title: 'Marmots', forked_from: session_id, turns: 1 });
  });

  it('can be given a model by its user, but none that does not exist or that the plan does not include', async () => {
    const client = await TestClient.register(stack.url);
    const { session_id } = await startSession(client, 'Hello');
    const change = async (model: string) =>
      (await client.post(`${sessions}/${session_id}`, { model }, { method: 'PATCH' })).status;
    expect(await change('no-such-model')).toBe(404);
    expect(await change('llama-4-maverick')).toBe(403);
    expect(await change('gemma3:12b')).toBe(200);
  });

  it('of another account, and every message of it, is as if it did not exist, on every route', async () => {
    const [owner, other] = await Promise.all([TestClient.register(stack.url), TestClient.register(stack.url)]);
    const { session_id, user_message_id, answer } = await startSession(owner, 'private');
    const mine = await startSession(other, 'my own');
    const missing = randomUUID();
    const body = { user_message: 'x', pinned: true, title: 'x' };
    const routes = (session: string, user: string, llm: string): [string, string, object?][] => [
      ['GET', `${sessions}/${session}`],
      ['PATCH', `${sessions}/${session}`, { title: 'x' }],
      ['DELETE', `${sessions}/${session}`],
      ['GET', `${sessions}/${session}/messages`],
      ['POST', `${sessions}/${session}/messages`, body],
      ['POST', `${sessions}/${session}/messages`, { ...body, stream: true }],
      ['GET', `${sessions}/${session}/export`],
      ['POST', `${sessions}/${session}/regenerate`, {}],
      ['PATCH', `${sessions}/${session}/messages/${user}`, { pinned: true }],
      ['POST', `${sessions}/${session}/messages/${user}/edit`, body],
      ['POST', `${sessions}/${session}/messages/${llm}/fork`, {}],
      ['POST', `${sessions}/${session}/messages/${llm}/stop`, {}],
      ['GET', `${sessions}/${session}/messages/${llm}/stream`],
      ['PUT', `${sessions}/${session}/graph`, {}],
      ['PUT', `${sessions}/${session}/messages/${llm}/feedback`, { rating: 'up' }],
      ['POST', `/llm/chat/${session}/message/`, body],
      ['GET', `/llm/chat/${session}/history/`],
      ['DELETE', `/llm/chat/${session}/`],
    ];
    const ask = async ([method, path, content]: [string, string, object?]) => {
      const response = await (content ? other.post(path, content, { method }) : other.get(path, { method }));
      const { request_id: _, ...rest } = z.record(z.string(), z.unknown()).parse(await response.json());
      return { route: `${method} ${path.replaceAll(/[0-9a-f-]{36}|no-id/g, 'id')}`, status: response.status, ...rest };
    };
    const bodiesOf = async (...ids: [string, string, string]) => Promise.all(routes(...ids).map(ask));
    const absent = await bodiesOf(missing, missing, missing);
    expect(new Set(absent.map(({ status }) => status))).toEqual(new Set([404]));
    expect(await bodiesOf(session_id, user_message_id, answer.message_id)).toEqual(absent);
    expect(await bodiesOf('no-id', 'no-id', 'no-id')).toEqual(absent);
    // A message of another's session by way of one's own.
    const byWayOfOwn = await Promise.all(
      routes(mine.session_id, user_message_id, answer.message_id)
        .filter(([, path]) => path.includes('/messages/'))
        .map(ask),
    );
    expect(byWayOfOwn.map(({ status }) => status)).toEqual(byWayOfOwn.map(() => 404));
    expect((await historyOf(owner, session_id)).map(({ state }) => state)).toEqual(['complete', 'complete']);
  });
});
