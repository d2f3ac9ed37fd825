import {
  createChatSchema,
  deleteChatSchema,
  generateJson,
  getChatSchema,
  giveChatFeedback,
  listChatFeedback,
  listChatSchemas,
  setChatGraph,
} from '@tollgate/contracts';
import { failureOf } from '@tollgate/testing';
import { Chatter, startChatService, type ChatUnderTest } from './chat-under-test.js';

const edgeSchema = {
  type: 'object',
  properties: {
    source_block_id: { type: 'string', enum: ['b1', 'b9'] },
    target_block_id: { type: 'string', enum: ['b2'] },
    edge_type: { type: 'string' },
  },
  required: ['source_block_id', 'target_block_id', 'edge_type'],
  additionalProperties: false,
};
const block = (id: string, name: string) => ({ id, name, block_type: 'transform' });
const graph = {
  blocks: [block('b1', 'Reader'), block('b2', 'Tokenizer')],
  edges: [],
  models: [],
  data_sources: [],
  pipelines: [],
};

let chat: ChatUnderTest;

beforeAll(async () => {
  chat = await startChatService();
}, 60_000);
afterEach(() => chat.simulator.reset());
afterAll(() => chat.stop(), 30_000);

const register = (user: Chatter, name: string, schema: Record<string, unknown> = edgeSchema) =>
  user.ask((messages) =>
    messages.send(createChatSchema, { name, description: 'An edge', schema, target: 'POST /edges' }),
  );

describe('a registered schema', () => {
  it('has versions, the newest of which its name means, and belongs to its account', async () => {
    const [user, other] = [await Chatter.arrive(chat), await Chatter.arrive(chat)];
    const first = await register(user, 'Edge');
    const versions = await Promise.all([register(user, 'Edge'), register(user, 'Edge')]);
    expect(versions.map(({ version }) => version).sort((a, b) => a - b)).toEqual([2, 3]);
    const listed = await user.ask((messages) => messages.send(listChatSchemas, {}));
    const own = listed.data.filter(({ built_in: isBuiltIn }) => !isBuiltIn);
    expect(own.map(({ name, version }) => [name, version])).toEqual([['Edge', 3]]);
    const address = { schema_id: first.schema_id };
    for (const ask of [getChatSchema, deleteChatSchema] as const) {
      const refused = await failureOf(other.ask((messages) => messages.send<typeof ask>(ask, address)));
      const missing = await failureOf(
        other.ask((messages) => messages.send<typeof ask>(ask, { schema_id: crypto.randomUUID() })),
      );
      expect(refused).toMatchObject({ code: 'not_found', message: missing.message });
    }
    const foreign = failureOf(other.ask((messages) => messages.send(generateJson, { schema: 'Edge', prompt: 'x' })));
    expect(await foreign).toMatchObject({ code: 'not_found' });
    await user.ask((messages) => messages.send(deleteChatSchema, address));
    expect(await failureOf(user.ask((messages) => messages.send(getChatSchema, address)))).toMatchObject({
      code: 'not_found',
    });
  });
});

describe('generated JSON', () => {
  it('matches the schema, names it, and its tokens stand in the ledger', async () => {
    const user = await Chatter.arrive(chat);
    await register(user, 'Edge');
    const result = await user.ask((messages) =>
      messages.send(generateJson, { schema: 'Edge', prompt: 'Join them', graph }),
    );
    expect(result.data).toEqual({ source_block_id: 'b1', target_block_id: 'b2', edge_type: expect.any(String) });
    expect(result.schema).toEqual({ name: 'Edge', version: 1, target: 'POST /edges' });
    const rows = await chat.database.usageAttempt.findMany({ where: { accountId: user.caller.account_id } });
    expect(rows).toMatchObject([{ task: 'chat-json', tokensInput: result.usage.input_tokens }]);
  });

  it('that refers to a node which does not exist is asked for again, twice at most, billed, and then an error', async () => {
    const user = await Chatter.arrive(chat);
    const schema = {
      ...edgeSchema,
      properties: { ...edgeSchema.properties, source_block_id: { type: 'string', enum: ['b9'] } },
    };
    const refused = await failureOf(
      user.ask((messages) => messages.send(generateJson, { schema, prompt: 'Join them', graph })),
    );
    expect(refused).toMatchObject({
      code: 'invalid_structured_output',
      status: 422,
      details: {
        problems: ['/source_block_id: there is no block with the id "b9"'],
        last_text: expect.any(String),
        attempts: 3,
      },
    });
    expect(await chat.database.usageAttempt.count({ where: { accountId: user.caller.account_id } })).toBe(3);
  });

  it('can come from a session and its graph', async () => {
    const user = await Chatter.arrive(chat);
    const session = await user.start('Join the reader to the tokenizer', { graph });
    const result = await user.ask((messages) =>
      messages.send(generateJson, { schema: edgeSchema, session_id: session }),
    );
    expect(result.data).toMatchObject({ source_block_id: 'b1', target_block_id: 'b2' });
    expect(await user.history(session)).toHaveLength(2);
    const other = await Chatter.arrive(chat);
    for (const refused of [
      failureOf(other.ask((messages) => messages.send(generateJson, { schema: edgeSchema, session_id: session }))),
      failureOf(other.ask((messages) => messages.send(setChatGraph, { session_id: session, graph }))),
    ]) {
      expect(await refused).toMatchObject({ code: 'not_found', message: 'There is no such chat session or message.' });
    }
  });
});

describe('feedback', () => {
  it('is one opinion for each answer, the last one, found by its rating, and gone with the session', async () => {
    const [user, other] = [await Chatter.arrive(chat), await Chatter.arrive(chat)];
    const session = await user.start('one');
    await user.send(session, 'two');
    const history = await user.history(session);
    const give = (who: Chatter, index: number, rating: 'up' | 'down', correction?: string) =>
      who.ask((messages) =>
        messages.send(giveChatFeedback, {
          session_id: session,
          message_id: history[index]?.message_id ?? '',
          feedback: { rating, correction },
        }),
      );
    await give(user, 1, 'up');
    await give(user, 3, 'up');
    await give(user, 1, 'down', 'It should say three.');
    expect(await failureOf(give(user, 0, 'up'))).toMatchObject({ code: 'not_found' });
    expect(await failureOf(give(other, 1, 'up'))).toMatchObject({ code: 'not_found' });
    const list = (who: Chatter, rating?: 'up' | 'down') =>
      who.ask((messages) => messages.send(listChatFeedback, { limit: 10, rating }));
    expect((await list(user)).data.map(({ message_id, rating }) => [message_id, rating])).toEqual([
      [history[1]?.message_id, 'down'],
      [history[3]?.message_id, 'up'],
    ]);
    expect((await list(user, 'down')).data).toMatchObject([
      { correction: 'It should say three.', session_id: session },
    ]);
    expect((await list(other)).data).toEqual([]);
    await chat.database.chatSession.delete({ where: { id: session } });
    expect((await list(user)).data).toEqual([]);
  });
});
