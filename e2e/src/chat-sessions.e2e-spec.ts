import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ChatMessageSchema,
  ChatSchemaList,
  ChatSessionSchema,
  ChatTurnEvent,
  GenerateJsonResponse,
  RegisteredChatSchema,
  SendChatMessageResponse,
} from '@tollgate/contracts';
import { eventually } from '@tollgate/testing';
import { z } from 'zod';
import { historyOf, readUntilCut, startSession, type Received } from './chat-client.js';
import { TestClient } from './client.js';
import { startStack, type Stack } from './stack.js';

/** The full size is `CHAT_DRILL=full`: 200 sessions of 50 turns, and 500 cuts. */
const isFull = process.env['CHAT_DRILL'] === 'full';
const SESSIONS = isFull ? 200 : 12;
const TURNS = isFull ? 50 : 6;
const CUTS = isFull ? 500 : 40;
const DRILL_TIMEOUT_MS = isFull ? 1_800_000 : 120_000;

const sessions = '/api/v1/chat/sessions';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
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

describe('a stream', () => {
  it(
    `whose connections are cut ${CUTS} times at any byte ends with the stored text for every client, charged once`,
    async () => {
      const clients = await Promise.all(Array.from({ length: 4 }, () => TestClient.register(stack.url)));
      stack.local.setPace({ tokensPerSecond: 120, firstTokenMs: 20 });
      let cuts = 0;
      const converse = async (client: TestClient) => {
        const { session_id } = await startSession(client, 'Hello');
        let answers = 1;
        while (cuts < CUTS) {
          const received: Received = { text: '', lastEventId: undefined, messageId: undefined, end: undefined };
          const url = `${stack.url}${sessions}/${session_id}/messages`;
          const body = { user_message: `Tell me. SIMULATE_TOKENS=${80 + (cuts % 60)}`, stream: true };
          const cutAfter = () => 150 + Math.floor(Math.random() * 2_500);
          await readUntilCut({ url, method: 'POST', token: client.token, body }, received, cutAfter());
          while (!received.end) {
            cuts += 1;
            // Cut before the first event was whole: the id of the answer is in the history.
            received.messageId ??= (await historyOf(client, session_id)).at(-1)?.message_id;
            const resumed = `${url}/${received.messageId}/stream`;
            await readUntilCut({ url: resumed, method: 'GET', token: client.token }, received, cutAfter());
          }
          answers += 1;
          expect(received.end.state).toBe('complete');
          expect(received.text).toBe(received.end.content);
          const stored = (await historyOf(client, session_id)).at(-1);
          expect(stored?.content).toBe(received.text);
        }
        return answers;
      };
      const answers = (await Promise.all(clients.map(converse))).reduce((sum, count) => sum + count, 0);
      expect(cuts).toBeGreaterThanOrEqual(CUTS);
      expect(stack.local.calls()).toHaveLength(answers);
      await expectLedgerToAgree(clients);
    },
    DRILL_TIMEOUT_MS,
  );
});

describe('two replicas of the chat service', () => {
  it(
    `answer ${SESSIONS} sessions of ${TURNS} turns at once, and a kill -9 of each loses and doubles nothing`,
    async () => {
      await stack.startReplica('chat');
      const clients = await Promise.all(Array.from({ length: 4 }, () => TestClient.register(stack.url)));
      await stack.query("UPDATE account SET plan_code = 'pro'");
      await Promise.all(clients.map((client) => client.login()));
      for (const provider of [stack.local, stack.cloud]) provider.setPace({ tokensPerSecond: 400, firstTokenMs: 10 });
      let turnsDone = 0;
      let interruptions = 0;

      /** Sends until it is acknowledged, as a client with a person behind it does; gives what was acknowledged. */
      const converse = async (client: TestClient, index: number) => {
        const acknowledged: { question: string; answer: string }[] = [];
        const first = `Session ${index}, turn 0`;
        const { session_id, message } = await startSession(client, first);
        acknowledged.push({ question: first, answer: message });
        for (let turn = 1; turn < TURNS;) {
          const question = `Session ${index}, turn ${turn}, ${randomUUID()}`;
          const response = await client.post(`${sessions}/${session_id}/messages`, { user_message: question });
          if (response.ok) {
            const { response_message: answer } = SendChatMessageResponse.parse(await response.json());
            acknowledged.push({ question, answer });
            turn += 1;
            turnsDone += 1;
          } else {
            interruptions += 1;
            expect([502, 503, 504]).toContain(response.status);
            await response.body?.cancel();
            await sleep(100);
          }
        }
        return { session_id, client, acknowledged };
      };

      const running = Promise.all(
        Array.from({ length: SESSIONS }, (_, index) => {
          const client = clients[index % clients.length];
          if (!client) throw new Error('no client');
          return sleep(isFull ? index * 20 : 0).then(() => converse(client, index));
        }),
      );
      const total = SESSIONS * (TURNS - 1);
      // The first replica dies in the middle of its answers, a new one comes, then the second one dies.
      await eventually(
        () => turnsDone,
        (done) => done > total * 0.25,
        DRILL_TIMEOUT_MS,
      );
      const killedAt = Date.now();
      stack.apps.chat.kill('SIGKILL');
      const third = await stack.startReplica('chat');
      await eventually(
        () => turnsDone,
        (done) => done > total * 0.6,
        DRILL_TIMEOUT_MS,
      );
      third.child.kill('SIGKILL');
      const conversations = await running;

      const unfinished = () => stack.query<{ id: string }>("SELECT id FROM chat_message WHERE state = 'running'");
      await eventually(unfinished, (rows) => rows.length === 0, 10_000);
      for (const { session_id, client, acknowledged } of conversations) {
        const history = await historyOf(client, session_id);
        const complete = history.flatMap(({ sender, content }, index) => {
          const answer = history[index + 1];
          return sender === 'user' && answer?.state === 'complete'
            ? [{ question: content, answer: answer.content }]
            : [];
        });
        const known = new Set(acknowledged.map(({ question }) => question));
        expect(complete.filter(({ question }) => known.has(question))).toEqual(acknowledged);
        expect(history.map(({ sender }) => sender)).toEqual(
          history.map((_, index) => (index % 2 === 0 ? 'user' : 'LLM')),
        );
        expect(new Set(history.map(({ position }) => position)).size).toBe(history.length);
      }
      if (isFull)
        process.stderr.write(
          `${turnsDone} turns, ${interruptions} interrupted, ${Date.now() - killedAt} ms since the first kill\n`,
        );
      await expectLedgerToAgree(clients);
    },
    DRILL_TIMEOUT_MS,
  );

  it('hold no lock of a replica that died for longer than five seconds', async () => {
    const doomed = await startStack();
    try {
      const owner = await TestClient.register(doomed.url);
      const { session_id } = await startSession(owner, 'Hello');
      doomed.local.setPace({ tokensPerSecond: 20 });
      const body = { user_message: 'SIMULATE_TOKENS=2000', stream: true };
      const received: Received = { text: '', lastEventId: undefined, messageId: undefined, end: undefined };
      const url = `${doomed.url}${sessions}/${session_id}/messages`;
      const reading = readUntilCut({ url, method: 'POST', token: owner.token, body }, received, Infinity);
      await eventually(
        () => received.text.length,
        (length) => length > 20,
        10_000,
      );
      doomed.apps.chat.kill('SIGKILL');
      const killedAt = Date.now();
      await doomed.startReplica('chat');
      doomed.local.setPace({ tokensPerSecond: 0 });
      await reading;
      const answer = await owner.post(`${sessions}/${session_id}/messages`, { user_message: 'Still there?' });
      expect(answer.status).toBe(200);
      // The lease and the answer itself; starting a process may take longer than the lease.
      expect(Date.now() - killedAt).toBeLessThan(15_000);
      const history = await historyOf(owner, session_id);
      expect(history.map(({ state }) => state)).toEqual([
        'complete',
        'complete',
        'complete',
        'failed',
        'complete',
        'complete',
      ]);
      expect(history[3]?.content.startsWith(received.text)).toBe(true);
    } finally {
      await doomed.stop();
    }
  }, 90_000);
});

/** What the ledger charged is what the providers served, once each. */
async function expectLedgerToAgree(clients: TestClient[]): Promise<void> {
  const emails = clients.map(({ email }) => email);
  const rowsOf = () =>
    stack.query<{ outcome: string; tokens_input: number; tokens_output: number }>(
      `SELECT a.outcome, a.tokens_input, a.tokens_output FROM usage_attempt a JOIN app_user u ON u.id = a.user_id
       WHERE u.email = ANY($1)`,
      [emails],
    );
  const calls = [...stack.local.calls(), ...stack.cloud.calls()];
  const rows = await eventually(rowsOf, ({ length }) => length >= calls.length, 10_000);
  expect(rows).toHaveLength(calls.length);
  const sizes = (list: { input: number; output: number }[]) =>
    list.map(({ input, output }) => `${input} ${output}`).sort();
  const completed = rows.filter(({ outcome }) => outcome === 'completed');
  expect(sizes(completed.map((row) => ({ input: row.tokens_input, output: row.tokens_output })))).toEqual(
    sizes(
      calls
        .filter(({ outcome }) => outcome === 'completed')
        .map((call) => ({ input: call.promptTokens, output: call.completionTokens })),
    ),
  );
}
