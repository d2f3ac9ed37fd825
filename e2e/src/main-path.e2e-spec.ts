import { ChatResponse, ProcessTextResponse } from '@tollgate/contracts';
import { eventually, newSigningKey, runApp } from '@tollgate/testing';
import { z } from 'zod';
import { readEvents, TestClient } from './client.js';
import { startStack, type Stack } from './stack.js';

const ErrorBody = z.object({
  error: z.object({ message: z.string(), type: z.string(), param: z.string().nullable(), code: z.string() }),
  detail: z.unknown(),
  request_id: z.uuid(),
});

const text = 'Tollgate stands between a frontend and its models. It meters every token. It bills each one once.';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({}, ['text-processing', 'chat', 'llm-router']);
}, 60_000);
afterEach(() => {
  stack.local.reset();
  stack.cloud.reset();
});
afterAll(() => stack.stop(), 60_000);

describe('a text', () => {
  it('comes back summarised, and /users/me shows exactly the tokens that the provider logged', async () => {
    const client = await TestClient.register(stack.url);
    const response = await client.post('/api/v1/process-text', { text, task: 'summary' });
    expect(response.status).toBe(200);
    const body = ProcessTextResponse.parse(await response.json());
    const { id, usage } = await client.me();
    const [call] = stack.local.calls();

    expect(body).toMatchObject({ task: 'summary', model: 'gemma3:4b', user_id: id, finish_reason: 'stop' });
    expect(body.request_id).toBe(response.headers.get('x-request-id'));
    expect(body.output).toMatch(/^\[simulated\].*Tollgate stands between/);
    expect(call?.requestHeaders['x-request-id']).toBe(body.request_id);
    expect(usage.tokens_this_month).toMatchObject({
      input: call?.promptTokens,
      output: call?.completionTokens,
      used: (call?.promptTokens ?? 0) + (call?.completionTokens ?? 0),
      limit: 100_000,
    });
    expect(usage.calls_today.used).toBe(1);
  });

  it('is streamed in parts with an honest end, and another account sees nothing of it', async () => {
    const [client, other] = await Promise.all([TestClient.register(stack.url), TestClient.register(stack.url)]);
    stack.local.setPace({ tokensPerSecond: 500 }); // What arrives together is handed out together.
    const response = await client.post('/api/v1/process-text', {
      text,
      task: 'summary',
      summary_type: 'detailed',
      stream: true,
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const { events, isDone } = await readEvents(response);
    const [call] = stack.local.calls();

    expect(isDone).toBe(true);
    expect(events[0]).toMatchObject({
      type: 'start',
      model: 'gemma3:4b',
      request_id: response.headers.get('x-request-id'),
    });
    expect(events.filter(({ type }) => type === 'delta').length).toBeGreaterThan(5);
    expect(events.at(-1)).toMatchObject({
      type: 'end',
      finish_reason: 'stop',
      usage: { input_tokens: call?.promptTokens, output_tokens: call?.completionTokens, source: 'provider' },
    });
    expect((await other.me()).usage.tokens_this_month.used).toBe(0);
  });

  it('whose reader hangs up closes the connection to the provider within 200 ms, and what was generated is billed', async () => {
    const client = await TestClient.register(stack.url);
    stack.local.setPace({ tokensPerSecond: 100 });
    const controller = new AbortController();
    const body = { text: `${text} SIMULATE_TOKENS=2000`, task: 'rephrase', stream: true };
    const response = await client.post('/api/v1/process-text', body, { signal: controller.signal });
    let hungUpAt = 0;
    let deltas = 0;
    const reading = readEvents(response, ({ type }) => {
      if (type !== 'delta' || (deltas += 1) < 10) return;
      hungUpAt ||= Date.now();
      controller.abort();
    });
    await expect(reading).rejects.toThrow();

    const [call] = await eventually(
      () => stack.local.calls(),
      ([entry]) => entry?.outcome === 'client_closed',
    );
    expect(Date.parse(call?.clientClosedAt ?? '') - hungUpAt).toBeLessThan(200);
    const rows = await eventually(
      () =>
        stack.query(
          'SELECT outcome, usage_source, tokens_input, tokens_output FROM usage_attempt WHERE request_id = $1',
          [response.headers.get('x-request-id')],
        ),
      (found) => found.length > 0,
    );
    expect(rows).toEqual([
      {
        outcome: 'cancelled',
        usage_source: 'tokenizer',
        tokens_input: expect.any(Number),
        tokens_output: expect.any(Number),
      },
    ]);
    const { used } = (await client.me()).usage.tokens_this_month;
    expect(used).toBeGreaterThanOrEqual((call?.promptTokens ?? 0) + 10);
  });

  it('keeps streaming to its end while every process is told to stop', async () => {
    const doomed = await startStack({}, ['text-processing', 'llm-router']);
    try {
      const client = await TestClient.register(doomed.url);
      doomed.local.setPace({ tokensPerSecond: 50 });
      const body = { text: `${text} SIMULATE_TOKENS=60`, task: 'rephrase', stream: true };
      const reading = readEvents(await client.post('/api/v1/process-text', body));
      for (const child of doomed.processes()) child.kill('SIGTERM');
      const { events, isDone } = await reading;
      expect(isDone).toBe(true);
      expect(events.at(-1)).toMatchObject({
        type: 'end',
        usage: { output_tokens: doomed.local.calls()[0]?.completionTokens },
      });
      const exitCodes = () => doomed.processes().map(({ exitCode }) => exitCode);
      const codes = await eventually(exitCodes, (all) => !all.includes(null));
      expect(codes.every((code) => code === 0)).toBe(true);
    } finally {
      await doomed.stop();
    }
  }, 60_000);
});

describe('without a local model', () => {
  it('a free user is served by the cloud as the last resort, a text like a chat', async () => {
    const cloudOnly = await startStack({ OLLAMA_BASE_URL: 'http://127.0.0.1:1' }, [
      'text-processing',
      'chat',
      'llm-router',
    ]);
    try {
      const client = await TestClient.register(cloudOnly.url);
      for (const [path, body] of [
        ['/process-text', { text, task: 'summary' }],
        ['/api/v1/llm/chat', { message: 'Hello' }],
      ] as const) {
        expect((await client.post(path, body)).status).toBe(200);
      }
      expect(cloudOnly.cloud.calls()).toHaveLength(2);
    } finally {
      await cloudOnly.stop();
    }
  }, 60_000);
});

describe('a chat', () => {
  it('is answered as documented, by the cloud model for pro', async () => {
    const client = await TestClient.register(stack.url);
    await stack.query(
      "UPDATE account SET plan_code = 'pro' WHERE id = (SELECT account_id FROM app_user WHERE email = $1)",
      [client.email],
    );
    await client.login();
    const response = await client.post('/api/v1/llm/chat', {
      message: 'Hello there',
      conversation_history: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'Hi!' },
      ],
    });
    const body = ChatResponse.parse(await response.json());
    const [call] = stack.cloud.calls();
    expect(body).toMatchObject({ model_used: 'llama-4-maverick', structured_data: null, confidence_score: 1 });
    expect(body.tokens_used).toBe((call?.promptTokens ?? 0) + (call?.completionTokens ?? 0));
  });

  it('returns structured data when asked for it', async () => {
    const client = await TestClient.register(stack.url);
    const response = await client.post('/api/v1/llm/chat', { message: 'Give me JSON', structured_output: true });
    expect(ChatResponse.parse(await response.json()).structured_data).toMatchObject({ simulated: true });
  });

  it('streams', async () => {
    const client = await TestClient.register(stack.url);
    const { events, isDone } = await readEvents(
      await client.post('/api/v1/llm/chat/stream/', { message: 'Hello there' }),
    );
    expect(isDone).toBe(true);
    expect(events[0]).toMatchObject({ type: 'start', model_used: 'gemma3:4b' });
    expect(events.at(-1)).toMatchObject({ type: 'end', finish_reason: 'stop' });
  });

  it('that breaks in mid-stream ends with an error event and [DONE], never silently', async () => {
    const client = await TestClient.register(stack.url);
    stack.local.setFault({ kind: 'cut', afterBytes: 700 });
    const response = await client.post('/api/v1/llm/chat/stream', { message: 'Hello there, how are you?' });
    expect(response.status).toBe(200);
    const { events, isDone } = await readEvents(response);
    expect(isDone).toBe(true);
    expect(ErrorBody.parse(events.at(-1)).error.code).toBe('provider_error');
  });

  it('keeps its HTTP status when it fails before the first token', async () => {
    const client = await TestClient.register(stack.url);
    // The cloud is the last resort.
    for (const simulator of [stack.local, stack.cloud]) simulator.setFault({ kind: 'status', status: 500 });
    const response = await client.post('/api/v1/llm/chat/stream', { message: 'Hello there' });
    expect(response.status).toBe(502);
    expect(ErrorBody.parse(await response.json()).error.code).toBe('provider_error');
  });
});

describe('a bad request', () => {
  const base = { text, task: 'summary' };
  it.each([
    ['a prompt over the context', { ...base, text: 'word '.repeat(9_000) }, 400, 'context_length_exceeded', 'text'],
    ['an unknown model', { ...base, model: 'gpt-17' }, 404, 'model_not_found', 'model'],
    ['a model of a dearer plan', { ...base, model: 'llama-4-maverick' }, 403, 'model_not_allowed', 'model'],
    ['an unknown task', { ...base, task: 'sing' }, 400, 'invalid_request', 'task'],
    ['a translation into nothing', { ...base, task: 'translate' }, 400, 'invalid_request', 'target_language'],
    ['an empty text', { ...base, text: '  ' }, 400, 'invalid_request', 'text'],
    ["somebody else's user_id", { ...base, user_id: 'someone' }, 403, 'forbidden', 'user_id'],
    ['a body of 2 MiB', { ...base, text: 'x'.repeat(2 * 1024 * 1024) }, 413, 'payload_too_large', null],
    ['malformed JSON', '{"text": ', 400, 'invalid_request', null],
  ])('%s is refused with its documented code, and costs nothing', async (_, body, status, code, param) => {
    const client = await TestClient.register(stack.url);
    for (const path of ['/api/v1/process-text', '/process-text']) {
      const response = await client.post(path, body);
      expect(response.status).toBe(status);
      expect(ErrorBody.parse(await response.json()).error).toMatchObject({ code, param });
      expect(response.headers.get('x-request-id')).toBeTruthy();
    }
    expect(stack.local.calls()).toEqual([]);
    expect((await client.me()).usage.tokens_this_month.used).toBe(0);
  });

  it('over the context has the documented detail', async () => {
    const client = await TestClient.register(stack.url);
    const response = await client.post('/process-text', { ...base, text: 'word '.repeat(9_000) });
    const { detail } = ErrorBody.parse(await response.json());
    expect(detail).toEqual({
      error: 'context_length_exceeded',
      message: 'Input text is too long and would be truncated.',
      model: 'gemma3:4b',
      context_limit: 8192,
      estimated_tokens: expect.any(Number),
      usage_percent: expect.any(Number),
    });
  });
});

describe('an app', () => {
  const database = { DATABASE_URL: 'postgresql://localhost/x', REDIS_URL: 'redis://localhost' };

  it('names every problem of its configuration at once and no value, and --check-config says so by its exit code', async () => {
    const bad = await runApp(
      'gateway',
      { DATABASE_URL: 'hunter2', PORT: 'hunter3', JWT_PRIVATE_KEY: 'hunter4' },
      '--check-config',
    );
    expect(bad.exitCode).toBe(1);
    for (const name of ['DATABASE_URL', 'PORT', 'JWT_PRIVATE_KEY', 'REDIS_URL'])
      expect(bad.output).toContain(`${name}:`);
    expect(bad.output).not.toContain('hunter');
    const good = await runApp('gateway', { ...database, JWT_PRIVATE_KEY: newSigningKey() }, '--check-config');
    expect(good).toEqual({ exitCode: 0, output: 'The configuration is valid.\n' });
  });

  it('does not start when it cannot reach Redis, and says where it looked', async () => {
    const { exitCode, output } = await runApp('text-processing', { REDIS_URL: 'redis://127.0.0.1:1', PORT: '0' });
    expect(exitCode).not.toBe(0);
    expect(output).toContain('Redis cannot be reached at 127.0.0.1:1');
  });
});
