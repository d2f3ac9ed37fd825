import type { Completion } from '@tollgate/contracts';
import { startSimulator, type Simulator, type SimulatorDialectName, type SimulatorFault } from '@tollgate/testing';
import type { ProviderConfig } from '../src/catalogue/models-file.js';
import { CompletionCollector } from '../src/completions/completion-collector.js';
import { openProvider } from '../src/providers/open-provider.js';
import { ProviderFailure } from '../src/providers/provider-failure.js';
import type { Provider, ProviderEvent, ProviderRequest, ReportedUsage } from '../src/providers/provider.js';

interface Entry {
  kind: ProviderConfig['kind'];
  dialect: SimulatorDialectName;
  path: string;
  model: string;
}

/** Every kind of models.yaml against a simulator that takes only what that provider takes. */
const entries: Entry[] = [
  { kind: 'ollama', dialect: 'any', path: '', model: 'gemma3:4b' },
  { kind: 'openai', dialect: 'openai', path: '/v1', model: 'gpt-4o-mini' },
  { kind: 'deepseek', dialect: 'deepseek', path: '/v1', model: 'deepseek-chat' },
  { kind: 'vllm', dialect: 'vllm', path: '/v1', model: 'meta-llama/Llama-4-Maverick-8B-Instruct' },
  { kind: 'maverick', dialect: 'maverick', path: '/v1', model: 'meta-llama/Llama-4-Maverick-8B-Instruct' },
  { kind: 'openai-compatible', dialect: 'openai', path: '/v1', model: 'gpt-4o-mini' },
  { kind: 'openai-compatible', dialect: 'xai', path: '/v1', model: 'gpt-4o-mini' },
];

const weather = {
  type: 'function' as const,
  function: {
    name: 'get_weather',
    description: 'The weather of a city',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
};
const clock = { type: 'function' as const, function: { name: 'get_time' } };

const reportSchema = {
  $defs: { Level: { enum: ['low', 'high'] } },
  type: 'object',
  properties: { level: { $ref: '#/$defs/Level' }, kind: { const: 'report' } },
  required: ['level', 'kind'],
  additionalProperties: false,
};

interface Answer {
  content: string;
  reasoning: string;
  toolCalls: NonNullable<Completion['tool_calls']>;
  usage: ReportedUsage;
  finishReason: string | undefined;
}

describe.each(entries)('$kind (as $dialect)', ({ kind, dialect, path, model }) => {
  let simulator: Simulator;
  let provider: Provider;
  let unreachable = 0;

  beforeAll(async () => {
    simulator = await startSimulator({ dialect });
    provider = openProvider('p', configOf(kind, simulator.url + path), () => (unreachable += 1));
  });
  beforeEach(() => {
    simulator.reset();
    unreachable = 0;
  });
  afterAll(async () => {
    await provider.close();
    await simulator.close();
  });

  const request = (content: string, options: Partial<ProviderRequest> = {}): ProviderRequest => ({
    model,
    messages: [{ role: 'user', content }],
    maxOutputTokens: 4_000,
    contextLength: 8_192,
    sampling: {},
    requestId: 'request-1',
    traceparent: '00-a-b-01',
    onDispatched: () => undefined,
    ...options,
  });

  async function ask(content: string, options: Partial<ProviderRequest> = {}): Promise<Answer> {
    const collector = new CompletionCollector();
    let usage: ReportedUsage = {};
    let finishReason: string | undefined;
    for await (const event of provider.stream(request(content, options), new AbortController().signal)) {
      if (event.type === 'usage') usage = { ...usage, ...event.usage };
      else if (event.type === 'end') finishReason = event.finishReason;
      else collector.add(event);
    }
    const { content: text, reasoning = '', tool_calls: toolCalls = [] } = collector.message();
    return { content: text, reasoning, toolCalls, usage, finishReason };
  }

  async function failureOf(asking: Promise<unknown>): Promise<ProviderFailure> {
    const outcome: unknown = await asking.catch((error: unknown) => error);
    if (outcome instanceof ProviderFailure) return outcome;
    throw new Error('did not fail as a provider', { cause: outcome });
  }

  it('streams a text with its end and the usage that the provider logged', async () => {
    const answer = await ask('Où est la gare de 東京? 👩‍👩‍👧');
    const call = simulator.calls().at(-1);
    expect(answer.content).toMatch(/^\[simulated\] .*東京\? 👩‍👩‍👧/u);
    expect(answer).toMatchObject({ finishReason: 'stop', reasoning: '', toolCalls: [] });
    if (dialect !== 'maverick')
      expect(answer.usage).toMatchObject({ input: call?.promptTokens, output: call?.completionTokens });
    expect(call?.requestHeaders).toEqual({ 'x-request-id': 'request-1', traceparent: '00-a-b-01' });
  });

  it('stops where it is told to, and says when it was cut', async () => {
    const sampling = { temperature: 0.1, top_p: 0.9, top_k: 40, repeat_penalty: 1.1, seed: 1, stop: [' wrote'] };
    expect(await ask('Hello', { sampling })).toMatchObject({ content: '[simulated] You', finishReason: 'stop' });
    const cut = await ask('SIMULATE_TOKENS=50', { maxOutputTokens: 7 });
    expect(cut.finishReason).toBe('length');
    expect(simulator.calls().at(-1)?.completionTokens).toBe(7);
  });

  it('gets reasoning apart from the answer', async () => {
    const { reasoning, content } = await ask('SIMULATE_REASONING_TOKENS=9 Hello');
    expect(reasoning).toContain('word word');
    expect(content).toMatch(/^\[simulated\] You wrote/);
  });

  it('calls tools with ids and arguments as JSON text, and takes their results', async () => {
    const first = await ask('SIMULATE_TOOL_CALLS=2 Weather in 東京?', { tools: [weather, clock] });
    expect(first.finishReason).toBe('tool_calls');
    expect(first.toolCalls.map((call) => call.function.name)).toEqual(['get_weather', 'get_time']);
    expect(new Set(first.toolCalls.map(({ id }) => id)).size).toBe(2);
    expect(JSON.parse(first.toolCalls[0]?.function.arguments ?? '')).toMatchObject({
      city: expect.stringContaining('東京'),
    });
    const messages: ProviderRequest['messages'] = [
      { role: 'user', content: 'Weather in 東京?' },
      { role: 'assistant', content: '', tool_calls: first.toolCalls },
      ...first.toolCalls.map(({ id }) => ({ role: 'tool' as const, content: 'sunny', tool_call_id: id })),
    ];
    expect(await ask('', { messages, tools: [weather, clock] })).toMatchObject({
      finishReason: 'stop',
      content: expect.stringContaining('東京'),
    });
  });

  it('honours the choice of a tool', async () => {
    const named = { type: 'function' as const, function: { name: 'get_time' } };
    const one = await ask('Hello', { tools: [weather, clock], toolChoice: named });
    expect(one.toolCalls.map((call) => call.function.name)).toEqual(['get_time']);
    expect((await ask('Hello', { tools: [weather], toolChoice: 'none' })).toolCalls).toEqual([]);
  });

  it('answers in JSON, also when no message speaks of it', async () => {
    const { content } = await ask('Hello', { responseFormat: { type: 'json_object' } });
    expect(JSON.parse(content)).toMatchObject({ simulated: true });
  });

  it('is given the schema in a form that it takes', async () => {
    const { content } = await ask('Hello', {
      responseFormat: { type: 'json_schema', json_schema: { name: 'report', schema: reportSchema, strict: true } },
    });
    // DeepSeek knows no schemas: it gets it in the prompt, and who validates is the caller.
    const expected = kind === 'deepseek' ? { simulated: true } : { level: 'low', kind: 'report' };
    expect(JSON.parse(content)).toMatchObject(expected);
  });

  it('reads cached tokens under whatever name', async () => {
    if (kind === 'ollama' || dialect === 'maverick') return;
    const { usage } = await ask('SIMULATE_CACHED_TOKENS=5 Hello');
    expect(usage.cached).toBe(5);
  });

  it('reads reasoning tokens as a part of the output, whether they are told within it, beside it or not at all', async () => {
    if (dialect === 'maverick') return;
    const { usage } = await ask('SIMULATE_REASONING_TOKENS=9 Hello');
    expect(usage.output).toBe(simulator.calls().at(-1)?.completionTokens);
    expect(usage.reasoning).toBe(kind === 'ollama' || dialect === 'vllm' ? undefined : 9);
  });

  it.each(['missing_usage', 'zero_usage'] as const)('says nothing of tokens on %s', async (fault) => {
    simulator.setFault({ kind: fault });
    const { usage, content } = await ask('Hello');
    expect(usage.input).toBeUndefined();
    expect(usage.output || undefined).toBeUndefined();
    expect(content).toContain('[simulated]');
  });

  it.each([
    ['split UTF-8', { kind: 'split', bytes: 3 }],
    ['blank lines and keep-alives', { kind: 'keep_alive', lines: 50 }],
  ] satisfies [string, SimulatorFault][])('reads the same text through %s', async (_, fault) => {
    const { content } = await ask('東京 👩‍👩‍👧');
    simulator.setFault(fault);
    expect(await ask('東京 👩‍👩‍👧')).toMatchObject({ content, finishReason: 'stop' });
  });

  it('says that the answer has ended although the connection does not', async () => {
    simulator.setFault({ kind: 'linger' });
    const types: string[] = [];
    for await (const event of provider.stream(request('Hello'), new AbortController().signal)) {
      types.push(event.type);
      if (event.type === 'end') break;
    }
    expect(types.at(-1)).toBe('end');
  });

  it('uses its connection again', async () => {
    for (let n = 0; n < 20; n += 1) await ask('Hello');
    // The second request may come in the very turn in which the first connection becomes free.
    expect(simulator.connections()).toBeLessThanOrEqual(3);
  });

  it('reads a line of 2 MB, and gives up on one of 5', async () => {
    simulator.setFault({ kind: 'long_line', characters: 2_000_000 });
    expect((await ask('Hello')).content.length).toBeGreaterThan(2_000_000);
    simulator.setFault({ kind: 'long_line', characters: 5_000_000 });
    expect(await failureOf(ask('Hello'))).toMatchObject({ category: 'api_error', verdict: 'retry' });
  });

  it.each([
    ['an error in mid-stream', { kind: 'error_frame', afterTokens: 3 }],
    ['a cut connection', { kind: 'cut', afterBytes: 400 }],
    ['a cut right after the headers', { kind: 'cut', afterBytes: 0 }],
    ['an end without a last word', { kind: 'no_done' }],
    ['nonsense', { kind: 'garbage' }],
  ] satisfies [string, SimulatorFault][])('never takes %s for an answer', async (_, fault) => {
    simulator.setFault(fault);
    const failure = await failureOf(ask('SIMULATE_TOKENS=40'));
    expect(failure).toMatchObject({ category: 'api_error', verdict: 'retry' });
    expect(failure.message).not.toContain('simulated');
    expect(unreachable).toBe(0);
  });

  it.each([
    [429, 'rate_limit', 'retry'],
    [500, 'api_error', 'retry'],
    [503, 'api_error', 'retry'],
    [504, 'timeout', 'retry'],
    [401, 'api_error', 'elsewhere'],
    [402, 'api_error', 'elsewhere'],
    [404, 'api_error', 'elsewhere'],
    [400, 'api_error', 'refused'],
    [422, 'api_error', 'refused'],
  ])('reads the status %d as %s: %s', async (status, category, verdict) => {
    simulator.setFault({ kind: 'status', status, headers: { 'retry-after': '7' } });
    const failure = await failureOf(ask('Hello'));
    expect(failure).toMatchObject({ category, verdict, status, retryAfterMs: 7_000 });
    expect(failure.message).not.toContain('simulated fault');
    expect(failure.body).toContain('simulated fault');
  });

  it.each(['<html>Bad gateway</html>', '', null, { error: null }, [1]])(
    'survives an error whose body is %j',
    async (body) => {
      simulator.setFault({ kind: 'status', status: 502, body: body ?? 'null' });
      expect(await failureOf(ask('Hello'))).toMatchObject({ category: 'api_error', status: 502 });
    },
  );

  it('closes the connection at once when the signal is aborted, and raises its reason', async () => {
    simulator.setPace({ tokensPerSecond: 50 });
    const controller = new AbortController();
    const events: ProviderEvent[] = [];
    const reading = (async () => {
      for await (const event of provider.stream(request('SIMULATE_TOKENS=500'), controller.signal)) {
        events.push(event);
        if (events.length === 5) controller.abort(new Error('enough'));
      }
    })();
    await expect(reading).rejects.toThrow('enough');
    while (simulator.calls().at(-1)?.outcome === 'running') await new Promise((resolve) => setTimeout(resolve, 5));
    expect(simulator.calls().at(-1)?.outcome).toBe('client_closed');
  });

  it('lists its models', async () => {
    expect(await provider.listModels(AbortSignal.timeout(5_000))).toContain(model);
  });

  it('that is gone is noticed', async () => {
    const gone = openProvider('gone', configOf(kind, 'http://127.0.0.1:9'), () => (unreachable += 1));
    const events = gone.stream(request('Hello'), new AbortController().signal);
    expect(await failureOf(events.next())).toMatchObject({ category: 'api_error', verdict: 'retry' });
    expect(unreachable).toBe(1);
    await gone.close();
  });
});

it('a provider that rejects stream_options is asked without them, from then on at once', async () => {
  const simulator = await startSimulator({ dialect: 'maverick' });
  const provider = openProvider('p', configOf('maverick', `${simulator.url}/v1`), () => undefined);
  let dispatched = 0;
  const drain = async () => {
    const request = {
      model: 'gpt-4o-mini',
      messages: [{ role: 'user' as const, content: 'Hello' }],
      maxOutputTokens: 10,
      contextLength: 100,
      sampling: {},
      requestId: 'r',
      traceparent: 't',
      onDispatched: () => (dispatched += 1),
    };
    for await (const event of provider.stream(request, new AbortController().signal)) expect(event).toBeDefined();
  };
  await drain();
  expect(dispatched).toBe(2);
  await drain();
  expect(dispatched).toBe(3);
  expect(simulator.calls()).toHaveLength(2);
  await provider.close();
  await simulator.close();
});

function configOf(kind: ProviderConfig['kind'], baseUrl: string): ProviderConfig {
  return {
    kind,
    location: 'local',
    baseUrl,
    apiKey: 'any',
    enabled: true,
    allowPrivate: true,
    connections: 5,
    connectTimeoutMs: 1_000,
    firstTokenTimeoutMs: 1_000,
    idleTimeoutMs: 1_000,
    totalTimeoutMs: 10_000,
    quirks: {},
  };
}
