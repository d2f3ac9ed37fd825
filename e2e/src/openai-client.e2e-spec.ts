import OpenAI from 'openai';
import type { ChatCompletionMessageParam, ChatCompletionTool } from 'openai/resources/chat/completions';
import { TestClient } from './client.js';
import { startStack, type Stack } from './stack.js';

const tools: ChatCompletionTool[] = [
  {
    type: 'function',
    function: {
      name: 'get_weather',
      description: 'The weather in a city',
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    },
  },
  {
    type: 'function',
    function: { name: 'get_time', parameters: { type: 'object', properties: { zone: { type: 'string' } } } },
  },
];
const question: ChatCompletionMessageParam = { role: 'user', content: 'SIMULATE_TOOL_CALLS=2 Weather in 東京?' };

let stack: Stack;
let openai: OpenAI;

beforeAll(async () => {
  stack = await startStack({}, ['llm-router']);
  const { accessToken } = await TestClient.register(stack.url);
  openai = new OpenAI({ baseURL: `${stack.url}/v1`, apiKey: accessToken, maxRetries: 0 });
}, 60_000);
afterEach(() => stack.local.reset());
afterAll(() => stack.stop(), 60_000);

describe("OpenAI's own client", () => {
  it('gets an answer with its usage', async () => {
    const completion = await openai.chat.completions.create({
      model: 'gemma3:4b',
      messages: [
        { role: 'developer', content: 'Be brief.' },
        { role: 'user', content: [{ type: 'text', text: 'Hello' }] },
      ],
    });
    const [call] = stack.local.calls();
    expect(completion.choices[0]).toMatchObject({ finish_reason: 'stop', message: { role: 'assistant' } });
    expect(completion.choices[0]?.message.content).toContain('[simulated]');
    expect(completion.usage).toMatchObject({
      prompt_tokens: call?.promptTokens,
      completion_tokens: call?.completionTokens,
    });
  });

  it('reads a stream to its end, with the usage that it asked for', async () => {
    const stream = openai.chat.completions.stream({
      model: 'gemma3:4b',
      messages: [{ role: 'user', content: 'Hello there' }],
      stream_options: { include_usage: true },
    });
    let text = '';
    stream.on('content', (delta) => (text += delta));
    const completion = await stream.finalChatCompletion();
    expect(completion.choices[0]?.message.content).toBe(text);
    expect(completion.choices[0]?.finish_reason).toBe('stop');
    expect(completion.usage?.completion_tokens).toBe(stack.local.calls()[0]?.completionTokens);
  });

  it('is told which functions to call, whole and streamed, and takes their results back', async () => {
    const whole = await openai.chat.completions.create({ model: 'gemma3:4b', messages: [question], tools });
    const message = whole.choices[0]?.message;
    expect(whole.choices[0]?.finish_reason).toBe('tool_calls');
    const calls = message?.tool_calls ?? [];
    expect(calls).toHaveLength(2);
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2);

    const stream = openai.chat.completions.stream({ model: 'gemma3:4b', messages: [question], tools });
    const streamed = (await stream.finalChatCompletion()).choices[0]?.message.tool_calls ?? [];
    const called = (each: typeof calls) =>
      each.map((call) => (call.type === 'function' ? [call.function.name, JSON.parse(call.function.arguments)] : []));
    expect(called(streamed)).toEqual(called(calls));
    expect(called(calls)[0]).toMatchObject(['get_weather', { city: expect.stringContaining('東京') }]);

    if (!message) throw new Error('no message');
    const results = calls.map(({ id }) => ({ role: 'tool' as const, tool_call_id: id, content: 'sunny' }));
    const last = await openai.chat.completions.create({
      model: 'gemma3:4b',
      messages: [question, message, ...results],
      tools,
    });
    expect(last.choices[0]).toMatchObject({ finish_reason: 'stop' });
  });

  it('gets JSON by its schema, whole and streamed', async () => {
    const schema = {
      type: 'object',
      properties: { title: { type: 'string' }, tags: { type: 'array', items: { type: 'string' } } },
      required: ['title', 'tags'],
      additionalProperties: false,
    };
    const request = {
      model: 'gemma3:4b',
      messages: [{ role: 'user' as const, content: 'Describe Tollgate' }],
      response_format: { type: 'json_schema' as const, json_schema: { name: 'description', schema, strict: true } },
    };
    const whole = await openai.chat.completions.create(request);
    const stream = openai.chat.completions.stream(request);
    for (const completion of [whole, await stream.finalChatCompletion()]) {
      const answer: unknown = JSON.parse(completion.choices[0]?.message.content ?? '');
      expect(answer).toEqual({ title: expect.any(String), tags: expect.any(Array) });
    }
  });

  it('lists the models of its tier and finds one', async () => {
    const ids = (await openai.models.list()).data.map(({ id }) => id);
    expect(ids).toContain('gemma3:4b');
    expect(ids).not.toContain('llama-4-maverick');
    expect(await openai.models.retrieve('gemma3:4b')).toMatchObject({ object: 'model', owned_by: 'ollama' });
    await expect(openai.models.retrieve('llama-4-maverick')).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
    });
  });

  it('hears of errors before and in the middle of a stream', async () => {
    const ask = (more: object = {}) =>
      openai.chat.completions.create({ model: 'gemma3:4b', messages: [{ role: 'user', content: 'Hello' }], ...more });
    await expect(ask({ model: 'gpt-17' })).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
      param: 'model',
    });
    await expect(ask({ n: 2 })).rejects.toMatchObject({ status: 400, param: 'n' });
    await expect(
      ask({ response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { type: 'sing' } } } }),
    ).rejects.toMatchObject({
      status: 400,
      param: 'response_format.json_schema.schema',
    });
    stack.local.setFault({ kind: 'cut', afterBytes: 700 });
    const stream = await openai.chat.completions.create({
      model: 'gemma3:4b',
      messages: [{ role: 'user', content: 'Hello there, how are you?' }],
      stream: true,
    });
    const reading = async () => {
      for await (const _ of stream);
    };
    await expect(reading()).rejects.toMatchObject({ code: 'provider_error' });
  });
});
