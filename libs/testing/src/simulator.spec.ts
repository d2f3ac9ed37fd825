import { Ollama, type ChatResponse } from 'ollama';
import OpenAI, { AuthenticationError, BadRequestError, NotFoundError } from 'openai';
import { startSimulator, type Simulator } from './simulator.js';
import { splitIntoPieces } from './simulator-tokens.js';

let simulator: Simulator;
let ollama: Ollama;
let openai: OpenAI;

beforeAll(async () => {
  simulator = await startSimulator();
  ollama = new Ollama({ host: simulator.url });
  openai = new OpenAI({ baseURL: `${simulator.url}/v1`, apiKey: 'any', maxRetries: 0 });
});
beforeEach(() => simulator.reset());
afterAll(() => simulator.close());

const messages = [
  { role: 'system' as const, content: 'You are brief.' },
  { role: 'user' as const, content: 'Où est la gare de 東京? 👩‍👩‍👧' },
];
const tokensOf = (text: string) => splitIntoPieces(text).reduce((sum, { tokens }) => sum + tokens, 0);

describe('the official Ollama client', () => {
  it('lists, shows and sees loaded the local models', async () => {
    await ollama.generate({ model: 'gemma3:4b', prompt: 'Hello' });
    const { models } = await ollama.list();
    const { details, model_info: info } = await ollama.show({ model: 'gemma3:4b' });
    const loaded = await ollama.ps();

    expect(models.map(({ name }) => name)).toEqual([
      'gemma3:4b',
      'gemma3:12b',
      'llama3.2:3b',
      'phi3:3.8b',
      'qwen2.5:3b',
    ]);
    expect(details.family).toBe('gemma3');
    expect(info).toMatchObject({ 'gemma3.context_length': 131_072 });
    expect(loaded.models.map(({ name }) => name)).toEqual(['gemma3:4b']);
    expect(await ollama.version()).toEqual({ version: expect.stringContaining('simulated') });
  });

  it('gets the same chat answer, usage and log entry streamed and whole', async () => {
    const whole = await ollama.chat({ model: 'gemma3:4b', messages });
    const parts: ChatResponse[] = [];
    for await (const part of await ollama.chat({ model: 'gemma3:4b', messages, stream: true })) parts.push(part);

    const last = parts.at(-1);
    const text = parts.map(({ message }) => message.content).join('');
    expect(text).toBe(whole.message.content);
    expect(text).toMatch(/^\[simulated\] .*東京\? 👩‍👩‍👧/u);
    expect(parts.every(({ message }) => !message.content.includes('\uFFFD'))).toBe(true);
    expect(last).toMatchObject({ done: true, done_reason: 'stop', eval_count: tokensOf(text) });
    for (const duration of [last?.total_duration, last?.load_duration, last?.eval_duration]) {
      expect(Number.isInteger(duration)).toBe(true);
    }
    expect(simulator.calls()).toEqual(
      [false, true].map((stream) =>
        expect.objectContaining({
          api: 'ollama',
          path: '/api/chat',
          model: 'gemma3:4b',
          stream,
          outcome: 'completed',
          promptTokens: whole.prompt_eval_count,
          completionTokens: whole.eval_count,
        }),
      ),
    );
  });

  it('generates, stops at a stop sequence and at num_predict', async () => {
    const generate = (options: object) => ollama.generate({ model: 'phi3:3.8b', prompt: 'one two three', options });
    const whole = await generate({});
    const stopped = await generate({ stop: [' two'] });
    const limited = await generate({ num_predict: 4 });

    expect(stopped).toMatchObject({ done_reason: 'stop', response: whole.response?.split(' two')[0] });
    expect(limited).toMatchObject({ done_reason: 'length', eval_count: 4 });
    expect(whole.response?.startsWith(limited.response ?? '?')).toBe(true);
  });

  it('gets valid JSON for format json and an instance for a schema', async () => {
    const schema = { type: 'object', properties: { level: { enum: ['low', 'high'] } }, required: ['level'] };
    const json = await ollama.chat({ model: 'gemma3:4b', messages, format: 'json' });
    const instance = await ollama.chat({ model: 'gemma3:4b', messages, format: schema });

    expect(JSON.parse(json.message.content)).toMatchObject({ simulated: true });
    expect(JSON.parse(instance.message.content)).toEqual({ simulated: true, level: 'low' });
  });

  it('is told of an unknown model and of a broken request as by Ollama', async () => {
    await expect(ollama.chat({ model: 'nope', messages })).rejects.toMatchObject({
      name: 'ResponseError',
      status_code: 404,
      error: "model 'nope' not found",
    });
    const refuse = async (body: string) => {
      const response = await fetch(`${simulator.url}/api/chat`, { method: 'POST', body });
      return [response.status, await response.json()];
    };
    expect(await refuse('{')).toEqual([400, { error: 'The body is not valid JSON.' }]);
    expect(await refuse('{"messages":[]}')).toEqual([400, { error: 'model is required' }]);
    expect(await refuse('{"model":"gemma3:4b"}')).toEqual([400, { error: 'messages is required' }]);
    expect(simulator.calls()).toEqual([]);
  });
});

describe('the OpenAI SDK', () => {
  const model = 'meta-llama/Llama-4-Maverick-8B-Instruct';

  it('lists the cloud models and gets one whose name has a slash', async () => {
    const { data } = await openai.models.list();
    expect(data.map(({ id }) => id)).toEqual([model, 'gpt-4o-mini', 'deepseek-chat']);
    expect(await openai.models.retrieve(model)).toMatchObject({ id: model, object: 'model' });
    const bare = await fetch(`${simulator.url}/v1/models/${model}`);
    expect(await bare.json()).toMatchObject({ id: model });
  });

  it('gets the same chat answer, usage and log entry streamed and whole', async () => {
    const whole = await openai.chat.completions.create({ model, messages });
    const stream = await openai.chat.completions.create({
      model,
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks: OpenAI.ChatCompletionChunk[] = [];
    for await (const chunk of stream) chunks.push(chunk);

    const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
    expect(text).toBe(whole.choices[0]?.message.content);
    expect(chunks[0]?.choices[0]?.delta).toEqual({ role: 'assistant', content: '' });
    expect(chunks.at(-2)?.choices[0]).toMatchObject({ delta: {}, finish_reason: 'stop' });
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: whole.usage });
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
    expect(new Set(chunks.map(({ id, created }) => `${id} ${created}`)).size).toBe(1);
    expect(whole.usage?.completion_tokens).toBe(tokensOf(text));
    expect(simulator.calls()).toEqual(
      [false, true].map((isStream) =>
        expect.objectContaining({
          api: 'openai',
          path: '/v1/chat/completions',
          model,
          stream: isStream,
          outcome: 'completed',
          promptTokens: whole.usage?.prompt_tokens,
          completionTokens: whole.usage?.completion_tokens,
        }),
      ),
    );
  });

  it('gets no usage chunk that it did not ask for, and [DONE] last', async () => {
    const body = JSON.stringify({ model, messages, stream: true });
    const response = await fetch(`${simulator.url}/v1/chat/completions`, { method: 'POST', body });
    const text = await response.text();
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(text).not.toContain('"usage"');
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
  });

  it('stops at max_tokens, at max_completion_tokens and at a stop sequence', async () => {
    const create = async (options: object) => {
      const { choices, usage } = await openai.chat.completions.create({ model, messages, ...options });
      return { finish: choices[0]?.finish_reason, tokens: usage?.completion_tokens, text: choices[0]?.message.content };
    };
    expect(await create({ max_tokens: 3 })).toMatchObject({ finish: 'length', tokens: 3 });
    expect(await create({ max_completion_tokens: 5 })).toMatchObject({ finish: 'length', tokens: 5 });
    expect(await create({ stop: ' wrote' })).toMatchObject({ finish: 'stop', text: '[simulated] You' });
  });

  it('gets valid JSON for json_object and an instance for json_schema', async () => {
    const create = async (format: OpenAI.ChatCompletionCreateParams['response_format']) => {
      const { choices } = await openai.chat.completions.create({ model, messages, response_format: format });
      return JSON.parse(choices[0]?.message.content ?? '') as unknown;
    };
    const schema = {
      type: 'object',
      properties: { errors: { type: 'array', items: { type: 'string' }, minItems: 1 } },
      required: ['errors'],
      additionalProperties: false,
    };
    expect(await create({ type: 'json_object' })).toMatchObject({ simulated: true });
    expect(await create({ type: 'json_schema', json_schema: { name: 'report', schema } })).toEqual({
      errors: [expect.stringContaining('東京')],
    });
  });

  it('raises its own error classes', async () => {
    const create = (body: object) => openai.post('/chat/completions', { body });
    await expect(create({ model: 'nope', messages })).rejects.toBeInstanceOf(NotFoundError);
    await expect(create({ model: 'nope', messages })).rejects.toMatchObject({ code: 'model_not_found' });
    await expect(create({ model })).rejects.toBeInstanceOf(BadRequestError);
    await expect(create({ model })).rejects.toMatchObject({ param: 'messages' });

    const locked = await startSimulator({ apiKey: 'right' });
    const client = new OpenAI({ baseURL: `${locked.url}/v1`, apiKey: 'wrong', maxRetries: 0 });
    await expect(client.models.list()).rejects.toBeInstanceOf(AuthenticationError);
    await expect(client.withOptions({ apiKey: 'right' }).models.list()).resolves.toBeDefined();
    await locked.close();
  });
});

const tool = (name: string) => ({
  type: 'function' as const,
  function: {
    name,
    description: name,
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
});
const question = 'SIMULATE_REASONING_TOKENS=4 SIMULATE_TOOL_CALLS=2 Weather in 東京?';

describe('tools and reasoning', () => {
  it('come to the Ollama client as it knows them, whole and streamed', async () => {
    const asked = {
      model: 'gemma3:4b',
      messages: [{ role: 'user', content: question }],
      tools: [tool('weather'), tool('time')],
    };
    const { message, done_reason } = await ollama.chat(asked);
    expect(done_reason).toBe('stop');
    expect(message.thinking).toContain('[simulated]');
    const calls = message.tool_calls?.map(({ function: called }) => called);
    expect(calls?.map(({ name }) => name)).toEqual(['weather', 'time']);
    expect(calls?.[0]?.arguments).toMatchObject({ city: expect.stringContaining('[simulated]') });

    const streamed = [];
    for await (const part of await ollama.chat({ ...asked, stream: true })) streamed.push(part.message);
    expect(streamed.flatMap(({ tool_calls = [] }) => tool_calls)).toEqual(message.tool_calls);
    expect(streamed.map(({ thinking = '' }) => thinking).join('')).toBe(message.thinking);

    const results = [message, { role: 'tool', content: 'sunny', tool_name: 'weather' }];
    const last = await ollama.chat({ ...asked, messages: [...asked.messages, ...results] });
    expect(last.message.tool_calls).toBeUndefined();
    expect(last.message.content).toContain('[simulated]');
  });

  it("come together in OpenAI's own stream reader to what the whole answer says", async () => {
    const body = {
      model: 'gpt-4o-mini',
      messages: [{ role: 'user' as const, content: question }],
      tools: [tool('weather'), tool('time')],
    };
    const whole = await openai.chat.completions.create(body);
    const streamed = await openai.chat.completions.stream(body).finalChatCompletion();
    const callsOf = ({ choices }: OpenAI.ChatCompletion) =>
      choices[0]?.message.tool_calls?.map((call) => call.type === 'function' && call.function);
    expect(whole.choices[0]?.finish_reason).toBe('tool_calls');
    expect(callsOf(whole)).toEqual([
      expect.objectContaining({ name: 'weather', arguments: expect.stringContaining('[simulated]') }),
      expect.objectContaining({ name: 'time' }),
    ]);
    expect(callsOf(streamed)).toMatchObject(callsOf(whole) ?? []);
    const calls = whole.choices[0]?.message.tool_calls ?? [];
    const results = calls.map(({ id }) => ({ role: 'tool' as const, content: 'sunny', tool_call_id: id }));
    const messages = [...body.messages, { role: 'assistant' as const, tool_calls: calls }, ...results];
    const last = await openai.chat.completions.create({ ...body, messages });
    expect(last.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: expect.any(String) } });
    await expect(openai.chat.completions.create({ ...body, messages: results })).rejects.toThrow(BadRequestError);
  });
});

describe('the pace', () => {
  it('is kept to the token and can be set over HTTP', async () => {
    const body = JSON.stringify({ tokensPerSecond: 100, firstTokenMs: 200 });
    await fetch(`${simulator.url}/simulator/pace`, { method: 'PUT', body });
    const startedMs = performance.now();
    const answer = await ollama.generate({ model: 'gemma3:4b', prompt: 'SIMULATE_TOKENS=31' });
    const tookMs = performance.now() - startedMs;
    expect(answer.eval_count).toBe(31);
    expect(tookMs).toBeGreaterThan(490);
    expect(tookMs).toBeLessThan(1500);
    expect(answer.prompt_eval_duration).toBeGreaterThan(190e6);
  });
});
