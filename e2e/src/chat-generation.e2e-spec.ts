import { randomUUID } from 'node:crypto';
import {
  ChatSchemaList,
  ChatTurnEvent,
  GenerateJsonResponse,
  RegisteredChatSchema,
  SendChatMessageResponse,
} from '@tollgate/contracts';
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

describe('a chat session', () => {
  it('gives JSON for a registered schema from its graph, and keeps what its user thinks of an answer', async () => {
    const client = await TestClient.register(stack.url);
    const { session_id, answer } = await startSession(client, 'Join the reader to the tokenizer');
    const blocks = ['Reader', 'Tokenizer'].map((name, index) => ({
      id: `b${index + 1}`,
      name,
      block_type: 'transform',
    }));
    const edge = { source_block_id: 'b1', target_block_id: 'b9', edge_type: 'data' };
    const graph = (edges: object[]) =>
      client.post(`${sessions}/${session_id}/graph`, { blocks, edges }, { method: 'PUT' });
    expect((await graph([edge])).status).toBe(400);
    expect((await graph([])).status).toBe(200);
    const ids = { type: 'string', enum: ['b1', 'b2'] };
    const properties = { source_block_id: ids, target_block_id: ids, edge_type: { type: 'string' } };
    const schema = { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
    const registered = await client.post('/api/v1/chat/schemas', {
      name: 'EdgeAPIRequest',
      target: 'POST /edges',
      schema,
    });
    expect(registered.status).toBe(201);
    const generated = await client.post('/api/v1/chat/generate', { schema: 'EdgeAPIRequest', session_id });
    expect(await generated.json()).toMatchObject({
      data: { source_block_id: expect.stringMatching(/^b[12]$/), target_block_id: expect.stringMatching(/^b[12]$/) },
      schema: { name: 'EdgeAPIRequest', version: 2, target: 'POST /edges' },
    });
    const unusable = await client.post('/api/v1/chat/generate', { schema: { type: 'sausage' }, prompt: 'x' });
    expect(unusable.status).toBe(400);
    const opinion = { rating: 'down', correction: 'The tokenizer first.' };
    const path = `${sessions}/${session_id}/messages/${answer.message_id}/feedback`;
    expect((await client.post(path, opinion, { method: 'PUT' })).status).toBe(200);
    const listed = await client.get('/api/v1/chat/feedback?rating=down');
    expect(await listed.json()).toMatchObject({
      data: [{ ...opinion, message_id: answer.message_id }],
      has_more: false,
    });
  });

  it('has its model call functions: streamed, stored, and gone on with', async () => {
    const client = await TestClient.register(stack.url);
    const { session_id } = await startSession(client, 'Hello');
    const path = `${sessions}/${session_id}/messages`;
    const asked = await client.post(path, { user_message: 'Add a block', tools: ['BlockAPIRequest'], stream: true });
    const events = (await asked.text())
      .split('\n\n')
      .flatMap((block) => /^id: .*\ndata: (\{.*)$/s.exec(block)?.[1] ?? []);
    const parsed = events.map((event) => ChatTurnEvent.parse(JSON.parse(event)));
    expect(parsed.map(({ type }) => type)).toEqual(['start', 'tool_call', 'end']);
    const call = parsed.flatMap((event) => (event.type === 'tool_call' ? [event.tool_call] : []))[0];
    expect(call).toMatchObject({ function: { name: 'BlockAPIRequest' } });
    expect(JSON.parse(call?.function.arguments ?? '')).toEqual({
      block_type: expect.any(String),
      name: expect.any(String),
    });
    const tool_results = [{ tool_call_id: call?.id, content: '{"block_id": "b1"}' }];
    const both = await client.post(path, { user_message: 'x', tool_results });
    expect([both.status, (await client.post(path, {})).status]).toEqual([400, 400]);
    const wrong = await client.post(path, { tool_results: [{ tool_call_id: 'call_1', content: 'x' }] });
    expect(wrong.status).toBe(400);
    expect(await wrong.json()).toMatchObject({ error: { code: 'invalid_request', param: 'tool_results' } });
    const gone = SendChatMessageResponse.parse(await (await client.post(path, { tool_results })).json());
    expect(gone.answer).toMatchObject({ state: 'complete', sender: 'LLM', tool_calls: null });
    const history = await historyOf(client, session_id);
    expect(history.slice(2).map(({ sender }) => sender)).toEqual(['user', 'LLM', 'tool', 'LLM']);
    expect(history[3]?.tool_calls).toEqual([call]);
    const markdown = await (await client.get(`${sessions}/${session_id}/export?format=markdown`)).text();
    expect(markdown).toContain('Calls `BlockAPIRequest`:');
    expect(markdown).toContain('{"block_id": "b1"}');
  });
});

describe('the documented requests', () => {
  it('are there for every account, by name, to be used and not to be changed', async () => {
    const client = await TestClient.register(stack.url);
    const listed = ChatSchemaList.parse(await (await client.get('/api/v1/chat/schemas')).json());
    expect(listed.data.map(({ name, version, built_in }) => [name, version, built_in])).toEqual([
      ['BlockAPIRequest', 1, true],
      ['EdgeAPIRequest', 1, true],
      ['PipelineAPIRequest', 1, true],
    ]);
    for (const { name, schema_id, schema } of listed.data) {
      const one = await client.get(`/api/v1/chat/schemas/${schema_id}`);
      expect(await one.json()).toMatchObject({ name, schema });
      const generated = await client.post('/api/v1/chat/generate', { schema: name, prompt: 'Make one' });
      expect(await generated.json()).toMatchObject({
        data: expect.any(Object),
        schema: { name, version: 1 },
        dispatch: null,
      });
      expect((await client.send('DELETE', `/api/v1/chat/schemas/${schema_id}`)).status).toBe(403);
    }
  });
});

describe('a schema, a generated object and an opinion of another account', () => {
  it('are as if they did not exist, on every route', async () => {
    const [owner, other] = await Promise.all([TestClient.register(stack.url), TestClient.register(stack.url)]);
    const { session_id } = await startSession(owner, 'private');
    const schema = {
      type: 'object',
      properties: { a: { type: 'integer' } },
      required: ['a'],
      additionalProperties: false,
    };
    const registered = RegisteredChatSchema.parse(
      await (
        await owner.post('/api/v1/chat/schemas', { name: 'Private', target: 'https://api.example.com/a', schema })
      ).json(),
    );
    expect(registered.signing_secret).toMatch(/^whsec_/);
    expect(await (await owner.get(`/api/v1/chat/schemas/${registered.schema_id}`)).json()).not.toHaveProperty(
      'signing_secret',
    );
    const generated = await owner.post('/api/v1/chat/generate', { schema: 'Private', prompt: 'x', dispatch: {} });
    const { dispatch } = GenerateJsonResponse.parse(await generated.json());
    expect(dispatch).toMatchObject({ state: 'dry_run', last_error: 'This host may not be called.', attempts: 0 });
    const routes = (schemaId: string, dispatchId: string, sessionId: string): [string, string, object?][] => [
      ['GET', `/api/v1/chat/schemas/${schemaId}`],
      ['DELETE', `/api/v1/chat/schemas/${schemaId}`],
      ['POST', '/api/v1/chat/generate', { schema: schemaId, prompt: 'x' }],
      ['GET', `/api/v1/chat/dispatches/${dispatchId}`],
      ['POST', `/api/v1/chat/dispatches/${dispatchId}/send`, {}],
      ['POST', '/api/v1/chat/generate', { schema: 'BlockAPIRequest', session_id: sessionId }],
    ];
    const bodiesOf = (...ids: [string, string, string]) =>
      Promise.all(
        routes(...ids).map(async ([method, path, content]) => {
          const response = await (content ? other.post(path, content, { method }) : other.get(path, { method }));
          const { request_id: _, ...rest } = z.record(z.string(), z.unknown()).parse(await response.json());
          return { route: `${method} ${path.replaceAll(/[0-9a-f-]{36}/g, 'id')}`, status: response.status, ...rest };
        }),
      );
    const absent = await bodiesOf(randomUUID(), randomUUID(), randomUUID());
    expect(absent.map(({ status }) => status)).toEqual(absent.map(() => 404));
    expect(await bodiesOf(registered.schema_id, dispatch?.dispatch_id ?? '', session_id)).toEqual(absent);
    const byName = await other.post('/api/v1/chat/generate', { schema: 'Private', prompt: 'x' });
    expect(byName.status).toBe(404);
    for (const list of ['dispatches', 'feedback', `feedback?session_id=${session_id}`]) {
      expect(await (await other.get(`/api/v1/chat/${list}`)).json()).toMatchObject({ data: [] });
    }
    expect((await owner.get(`/api/v1/chat/dispatches/${dispatch?.dispatch_id}`)).status).toBe(200);
  });
});
