import { setTimeout as sleep } from 'node:timers/promises';
import {
  createChatSchema,
  forkSession,
  regenerateAnswer,
  sendMessage,
  stopAnswer,
  updateSession,
  type ChatMessageSchema,
  type Tool,
} from '@tollgate/contracts';
import { eventually, failureOf } from '@tollgate/testing';
import { Chatter, endOf, startChatService, textOf, type ChatUnderTest } from './chat-under-test.js';

const join: Tool = {
  type: 'function',
  function: {
    name: 'join_blocks',
    description: 'Joins two blocks',
    parameters: {
      type: 'object',
      properties: { source_block_id: { type: 'string' }, target_block_id: { type: 'string' } },
      required: ['source_block_id', 'target_block_id'],
      additionalProperties: false,
    },
  },
};
const block = (id: string) => ({ id, name: `Block ${id}`, block_type: 'transform' });
const graph = { blocks: [block('b1'), block('b2')], edges: [], models: [], data_sources: [], pipelines: [] };
const edge = (source: string, target: string) => ({ source_block_id: source, target_block_id: target });

/** What Ollama sends for an answer with these calls. */
const calls = (text: string, ...called: { name: string; arguments: unknown }[]) => ({
  kind: 'status' as const,
  status: 200,
  times: 1,
  body: [
    JSON.stringify({
      message: { role: 'assistant', content: text, tool_calls: called.map((call) => ({ function: call })) },
      done: false,
    }),
    JSON.stringify({
      message: { role: 'assistant', content: '' },
      done: true,
      done_reason: 'stop',
      prompt_eval_count: 5,
      eval_count: 7,
    }),
    '',
  ].join('\n'),
});
const joins = (source: string, target: string, text = '') =>
  calls(text, { name: 'join_blocks', arguments: edge(source, target) });

let chat: ChatUnderTest;

beforeAll(async () => {
  chat = await startChatService();
}, 60_000);
afterEach(() => chat.simulator.reset());
afterAll(() => chat.stop(), 30_000);

const argumentsOf = ({ tool_calls: asked }: ChatMessageSchema): unknown[] =>
  (asked ?? []).map((call): unknown => JSON.parse(call.function.arguments));
const idsOf = ({ tool_calls: asked }: ChatMessageSchema) => (asked ?? []).map(({ id }) => id);
const attemptsOf = (user: Chatter) =>
  chat.database.usageAttempt.count({ where: { accountId: user.caller.account_id, task: 'chat' } });

/** Posts what the functions gave, each one's id as its result. */
const giveResults = (user: Chatter, sessionId: string, ids: string[], more: { tools?: Tool[] } = {}) => {
  const tool_results = ids.map((id) => ({ tool_call_id: id, content: `Result of ${id}` }));
  return user.send(sessionId, '', { user_message: undefined, tool_results, ...more });
};

describe('a function that a model calls', () => {
  it('is streamed as a part, stored, exported, and the turn goes on with its result', async () => {
    const user = await Chatter.arrive(chat);
    const session = await user.start('Hello', { graph });
    chat.simulator.setFault(joins('b1', 'b2', 'I will join them.'));
    const input = { session_id: session, user_message: 'Join them', tools: [join], on_conflict: 'wait' as const };
    const events = await user.readAll((messages) => messages.stream(sendMessage, input));
    const answer = endOf(events);
    expect(events.map(({ type }) => type).slice(-2)).toEqual(['tool_call', 'end']);
    expect(events.at(-2)).toMatchObject({ tool_call: answer.tool_calls?.[0] });
    expect(textOf(events)).toBe('I will join them.');
    expect(answer).toMatchObject({ state: 'complete', finish_reason: 'tool_calls', usage: { output_tokens: 7 } });
    expect(argumentsOf(answer)).toEqual([edge('b1', 'b2')]);
    const after = await giveResults(user, session, idsOf(answer));
    expect(after).toMatchObject({ state: 'complete', sender: 'LLM' });
    const history = await user.history(session);
    expect(history.slice(2).map(({ sender }) => sender)).toEqual(['user', 'LLM', 'tool', 'LLM']);
    expect(history[3]).toEqual(answer);
    expect(history[4]).toMatchObject({
      content: `Result of ${idsOf(answer)[0]}`,
      tool_results: [{ tool_call_id: idsOf(answer)[0], content: `Result of ${idsOf(answer)[0]}` }],
    });
    // The simulator only says so when the calls and their results have reached it.
    expect(after.content).not.toBe('');
    expect(await user.send(session, 'And now?')).toMatchObject({ state: 'complete' });
  });

  it('can be a schema of the registry, by its name', async () => {
    const user = await Chatter.arrive(chat);
    const session = await user.start('Hello');
    const schema = {
      type: 'object',
      properties: { name: { type: 'string' } },
      required: ['name'],
      additionalProperties: false,
    };
    await user.ask((messages) => messages.send(createChatSchema, { name: 'Named', description: '', schema }));
    const answer = await user.send(session, 'Name it', { tools: ['Named', 'BlockAPIRequest'] });
    expect(answer.tool_calls?.map((call) => call.function.name)).toEqual(['Named']);
    expect(argumentsOf(answer)).toEqual([{ name: expect.any(String) }]);
    const unknown = user.send(session, 'Name it', { tools: ['Nameless'] });
    expect(await failureOf(unknown)).toMatchObject({ code: 'not_found', message: 'There is no such schema.' });
  });

  it.each([
    ['do not match its schema', { source_block_id: 1 }],
    ['refer to a block that does not exist', edge('b1', 'b9')],
    ['are nested too deep', JSON.parse(`${'{"a":'.repeat(500)}1${'}'.repeat(500)}`)],
  ])('with arguments that %s is asked for again, and billed twice', async (_what, wrong) => {
    const user = await Chatter.arrive(chat);
    const session = await user.start('Hello', { graph });
    const before = await attemptsOf(user);
    chat.simulator.setFault([calls('', { name: 'join_blocks', arguments: wrong }), joins('b1', 'b2')]);
    const answer = await user.send(session, 'Join them', { tools: [join] });
    expect(argumentsOf(answer)).toEqual([edge('b1', 'b2')]);
    expect(answer.usage).toMatchObject({ input_tokens: 10, output_tokens: 14 });
    expect(await attemptsOf(user)).toBe(before + 2);
    const [first, second] = chat.simulator.calls().slice(-2);
    expect(second?.promptTokens).toBeGreaterThan(first?.promptTokens ?? Infinity);
  });

  it('that stays wrong after asking twice again is 422 with what was wrong, and leaves no turn', async () => {
    const user = await Chatter.arrive(chat);
    const session = await user.start('Hello', { graph });
    const before = await attemptsOf(user);
    chat.simulator.setFault({ ...calls('', { name: 'delete_everything', arguments: {} }), times: 5 });
    const refused = await failureOf(user.send(session, 'Join them', { tools: [join] }));
    expect(refused).toMatchObject({
      code: 'invalid_structured_output',
      status: 422,
      details: {
        problems: ['delete_everything: there is no function "delete_everything"'],
        last_text: expect.stringContaining('delete_everything'),
        attempts: 3,
      },
    });
    expect(await attemptsOf(user)).toBe(before + 3);
    expect(await user.history(session)).toHaveLength(2);
  });

  it('that cannot be judged in time is 422 at once: another one would be no better', async () => {
    const user = await Chatter.arrive(chat);
    const session = await user.start('Hello');
    const parameters = {
      type: 'object',
      properties: { a: { type: 'string', pattern: '^(\\[simulated\\] )?(a+)+$' } },
      required: ['a'],
    };
    const tools: Tool[] = [{ type: 'function', function: { name: 'f', parameters } }];
    const refused = await failureOf(user.send(session, `${'a'.repeat(40)}!`, { tools }));
    expect(refused).toMatchObject({ code: 'invalid_structured_output', details: { attempts: 1, session_id: session } });
    expect(await user.history(session)).toHaveLength(2);
  });

  it('that nobody answered is left out of later prompts, and so are all of its kind that cannot be paired', async () => {
    const user = await Chatter.arrive(chat);
    const session = await user.start('Hello', { graph });
    chat.simulator.setFault(joins('b1', 'b2'));
    await user.send(session, 'Join them', { tools: [join] });
    expect(await user.send(session, 'Never mind')).toMatchObject({ state: 'complete', tool_calls: null });
  });

  it('goes on over several rounds with the same functions, and in a fork', async () => {
    const user = await Chatter.arrive(chat);
    const session = await user.start('Hello', { graph });
    chat.simulator.setFault([joins('b1', 'b2'), joins('b2', 'b1')]);
    const first = await user.send(session, 'Join them', {
      tools: [join],
      tool_choice: { type: 'function', function: { name: 'join_blocks' } },
    });
    const second = await giveResults(user, session, idsOf(first));
    expect(argumentsOf(second)).toEqual([edge('b2', 'b1')]);
    const forked = await user.ask((messages) =>
      messages.send(forkSession, { session_id: session, message_id: second.message_id }),
    );
    for (const id of [session, forked.session_id]) {
      expect(await giveResults(user, id, idsOf(second))).toMatchObject({ state: 'complete', tool_calls: null });
    }
    const again = await user.readAll((messages) =>
      messages.stream(regenerateAnswer, { session_id: session, on_conflict: 'wait' }),
    );
    expect(endOf(again)).toMatchObject({ state: 'complete' });
  });
});

describe('results of functions', () => {
  it('are refused unless they answer every call of the last answer, once', async () => {
    const user = await Chatter.arrive(chat);
    const session = await user.start('Hello', { graph });
    const refusedFor = async (ids: string[]) => failureOf(giveResults(user, session, ids));
    const refusal = { code: 'invalid_request', param: 'tool_results' };
    expect(await refusedFor(['call_1'])).toMatchObject(refusal);
    const both = [edge('b1', 'b2'), edge('b2', 'b1')].map((args) => ({ name: 'join_blocks', arguments: args }));
    chat.simulator.setFault(calls('', ...both));
    const [first = '', second = ''] = idsOf(await user.send(session, 'Join them', { tools: [join] }));
    expect(new Set([first, second]).size).toBe(2);
    for (const ids of [[first], [first, first], [first, second, 'call_3'], [first, 'call_3']]) {
      expect(await refusedFor(ids)).toMatchObject(refusal);
    }
    const neither = user.send(session, '', { user_message: undefined });
    expect(await failureOf(neither)).toMatchObject({ code: 'invalid_request' });
    expect(await user.history(session)).toHaveLength(4);
    expect(await giveResults(user, session, [second, first])).toMatchObject({ state: 'complete' });
  });
});

describe('functions that cannot be offered', () => {
  const withSchema = (parameters: Record<string, unknown>): Tool[] => [
    { type: 'function', function: { name: 'f', parameters } },
  ];
  it.each([
    ['two of one name', [join, join]],
    ['a name with a space', [{ ...join, function: { ...join.function, name: 'a b' } }]],
    ['a schema that is none', withSchema({ type: 'sausage' })],
    ['a schema without end', withSchema({ $ref: '#' })],
    ['another document', withSchema({ $ref: 'http://169.254.169.254/' })],
    ['a choice of none', undefined],
  ])('%s: are refused before any model is asked', async (_what, tools) => {
    const user = await Chatter.arrive(chat);
    const session = await user.start('Hello');
    const before = chat.simulator.calls().length;
    const offer = tools ? { tools } : { tool_choice: 'required' as const };
    expect(await failureOf(user.send(session, 'Go', offer))).toMatchObject({ code: 'invalid_request' });
    expect(chat.simulator.calls()).toHaveLength(before);
  });
});

describe('an answer that was stopped', () => {
  it('has what it took, as the ledger has it', async () => {
    const user = await Chatter.arrive(chat);
    const session = await user.start('Hello');
    chat.simulator.setPace({ tokensPerSecond: 50 });
    const input = { session_id: session, user_message: 'SIMULATE_TOKENS=2000', on_conflict: 'reject' as const };
    const reading = user.readAll((messages) => messages.stream(sendMessage, input));
    const running = await eventually(
      () => user.history(session),
      (history) => history.length === 4,
      5_000,
    );
    await sleep(500);
    const address = { session_id: session, message_id: running[3]?.message_id ?? '' };
    const stopped = await user.ask((messages) => messages.send(stopAnswer, address));
    await reading;
    expect(stopped.state).toBe('stopped');
    expect(stopped.tokens).toBeGreaterThan(0);
    const row = await chat.database.usageAttempt.findFirst({
      where: { accountId: user.caller.account_id, outcome: 'cancelled' },
    });
    expect(stopped.usage).toEqual({
      input_tokens: row?.tokensInput,
      cached_tokens: row?.tokensCached,
      output_tokens: row?.tokensOutput,
      source: row?.usageSource,
    });
  });
});

describe('the model of a session', () => {
  it('cannot be changed to one that does not exist or that the plan does not include', async () => {
    const user = await Chatter.arrive(chat);
    const session = await user.start('Hello');
    const change = (model: string) =>
      failureOf(user.ask((messages) => messages.send(updateSession, { session_id: session, changes: { model } })));
    expect(await change('no-such-model')).toMatchObject({ code: 'model_not_found' });
    expect(await change('llama-4-maverick')).toMatchObject({ code: 'model_not_allowed' });
  });
});
