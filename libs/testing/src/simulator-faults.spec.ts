import { setTimeout as sleep } from 'node:timers/promises';
import { Ollama } from 'ollama';
import OpenAI, { APIError, InternalServerError, RateLimitError } from 'openai';
import { startSimulator, type Simulator } from './simulator.js';

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

const prompt = 'SIMULATE_TOKENS=40';
const chat = { model: 'gpt-4o-mini', messages: [{ role: 'user' as const, content: prompt }] };
const lastCall = () => simulator.calls().at(-1);

const post = (path: string, body: object, signal?: AbortSignal) =>
  fetch(simulator.url + path, { method: 'POST', body: JSON.stringify(body), signal });

/** All that arrives before the connection ends or breaks. */
async function readAll(response: Response): Promise<{ text: string; bytes: number; broken: boolean }> {
  const chunks: Uint8Array[] = [];
  let broken = false;
  try {
    for await (const chunk of response.body ?? []) chunks.push(chunk);
  } catch (error) {
    broken = String(error).includes('terminated');
  }
  const all = Buffer.concat(chunks);
  return { text: all.toString(), bytes: all.length, broken };
}

async function textOf(stream: AsyncIterable<OpenAI.ChatCompletionChunk>): Promise<string> {
  let text = '';
  for await (const { choices } of stream) text += choices[0]?.delta.content ?? '';
  return text;
}

it('status: answers with the status, headers and body asked for, each API with its own error by default', async () => {
  simulator.setFault({ kind: 'status', status: 429, headers: { 'retry-after': '7' } });
  const error = await openai.chat.completions.create(chat).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(RateLimitError);
  expect(error).toMatchObject({ message: '429 simulated fault', headers: expect.any(Headers) });
  expect((error as RateLimitError).headers.get('retry-after')).toBe('7');
  await expect(ollama.chat(chat)).rejects.toMatchObject({ status_code: 429, error: 'simulated fault' });

  simulator.setFault({ kind: 'status', status: 503, body: { error: 'busy' } });
  await expect(ollama.chat({ ...chat, model: 'gemma3:4b' })).rejects.toMatchObject({ status_code: 503, error: 'busy' });
  expect(lastCall()).toMatchObject({ outcome: 'fault', fault: 'status', completionTokens: 0 });
});

it.each([0, 1, 500])('cut: destroys the connection after %d bytes of the body', async (afterBytes) => {
  simulator.setFault({ kind: 'cut', afterBytes });
  for (const stream of [true, false]) {
    const padding = 'SIMULATE_TOKENS=400';
    const { bytes, broken } = await readAll(
      await post('/api/generate', { model: 'gemma3:4b', prompt: padding, stream }),
    );
    expect({ bytes, broken }).toEqual({ bytes: afterBytes, broken: true });
    expect(lastCall()).toMatchObject({ outcome: 'fault', fault: 'cut' });
  }
});

it('drip: sends the whole body, slowly', async () => {
  simulator.setFault({ kind: 'drip', bytesPerSecond: 2000 });
  const startedMs = performance.now();
  const { bytes, broken } = await readAll(await post('/api/generate', { model: 'gemma3:4b', prompt, stream: false }));
  const tookMs = performance.now() - startedMs;
  expect(broken).toBe(false);
  expect(tookMs).toBeGreaterThan((bytes / 2000) * 1000 - 50);
  expect(tookMs).toBeLessThan((bytes / 2000) * 1000 + 1500);
  expect(lastCall()).toMatchObject({ outcome: 'completed', fault: 'drip' });
});

it('missing_usage and zero_usage: hide from the client what the log still tells', async () => {
  simulator.setFault([{ kind: 'missing_usage', times: 3 }, { kind: 'zero_usage' }]);
  expect(await ollama.generate({ model: 'gemma3:4b', prompt })).not.toHaveProperty('eval_count');
  expect(await openai.chat.completions.create(chat)).not.toHaveProperty('usage');
  const streamed = { ...chat, stream: true, stream_options: { include_usage: true } };
  const { text } = await readAll(await post('/v1/chat/completions', streamed));
  expect(text).not.toContain('prompt_tokens');
  expect(text).toContain('[DONE]');

  const zero = await ollama.generate({ model: 'gemma3:4b', prompt });
  expect(zero).toMatchObject({ eval_count: 0, prompt_eval_count: 0 });
  expect((await openai.chat.completions.create(chat)).usage).toMatchObject({ total_tokens: 0 });
  expect(simulator.calls().map(({ completionTokens }) => completionTokens)).toEqual([40, 40, 40, 40, 40]);
});

it('error_frame: breaks a stream with an error in its own format, and anything else with a 500', async () => {
  simulator.setFault({ kind: 'error_frame', afterTokens: 5 });
  const received: string[] = [];
  const stream = await ollama.generate({ model: 'gemma3:4b', prompt, stream: true });
  await expect(async () => {
    for await (const { response } of stream) received.push(response ?? '');
  }).rejects.toThrow('simulated fault');
  expect(received).toHaveLength(5);

  await expect(openai.chat.completions.create({ ...chat, stream: true }).then(textOf)).rejects.toBeInstanceOf(APIError);
  await expect(openai.chat.completions.create(chat)).rejects.toBeInstanceOf(InternalServerError);
  for (const call of simulator.calls()) expect(call).toMatchObject({ outcome: 'fault', completionTokens: 5 });
});

it.each([undefined, 0, 5])('hang: stays silent (afterTokens: %s) until the client leaves', async (afterTokens) => {
  simulator.setFault({ kind: 'hang', afterTokens });
  const abort = new AbortController();
  let headers = false;
  const reading = post('/v1/chat/completions', { ...chat, stream: true }, abort.signal).then((response) => {
    headers = true;
    return readAll(response);
  });
  const settled = Promise.allSettled([reading]);
  await sleep(100);
  expect(headers).toBe(afterTokens !== undefined);
  expect(lastCall()).toMatchObject({ outcome: 'running', fault: 'hang', completionTokens: afterTokens ?? 0 });
  abort.abort();
  await settled;
  await sleep(50);
  expect(lastCall()).toMatchObject({ outcome: 'client_closed', fault: 'hang' });
});

it('no_done: ends a stream in good order without its last frames', async () => {
  simulator.setFault({ kind: 'no_done' });
  const stream = await ollama.generate({ model: 'gemma3:4b', prompt, stream: true });
  await expect(async () => {
    for await (const part of stream) expect(part.done).toBe(false);
  }).rejects.toThrow('Did not receive done');
  const { text, broken } = await readAll(await post('/v1/chat/completions', { ...chat, stream: true }));
  expect(broken).toBe(false);
  expect(text).not.toMatch(/\[DONE\]|"finish_reason":"/);
  expect(lastCall()).toMatchObject({ outcome: 'fault', fault: 'no_done', completionTokens: 40 });
});

it('hits only the calls of its model and path, from the nth, so many times, in the order of the queue', async () => {
  const status = (code: number, matching: object) => ({ kind: 'status' as const, status: code, ...matching });
  simulator.setFault([
    status(500, { model: 'gemma3:12b' }),
    status(501, { path: '/api/chat', times: 1 }),
    status(502, { model: 'gemma3:4b', nth: 3 }),
  ]);
  const messages = [{ role: 'user', content: 'Hello' }];
  const statusOf = async (model: string, path: string) => {
    const response = await post(path, { model, messages, prompt: 'Hello', stream: false });
    return response.status;
  };
  expect(await statusOf('gemma3:12b', '/api/chat')).toBe(500);
  expect(await statusOf('gemma3:4b', '/api/chat')).toBe(501);
  expect(await statusOf('gemma3:4b', '/api/chat')).toBe(200);
  expect(await statusOf('gemma3:4b', '/api/generate')).toBe(502);
  expect(await statusOf('gemma3:4b', '/api/generate')).toBe(200);
  expect(await statusOf('gemma3:12b', '/api/generate')).toBe(500);
});

it('takes down a listing route when its path is named, and only then', async () => {
  simulator.setFault({ kind: 'status', status: 503 });
  await expect(ollama.list()).resolves.toBeDefined();
  simulator.setFault({ kind: 'status', status: 503, path: '/api/tags' });
  await expect(ollama.list()).rejects.toMatchObject({ status_code: 503, error: 'simulated fault' });
  simulator.setFault({ kind: 'cut', afterBytes: 0, path: '/v1/models' });
  await expect(fetch(`${simulator.url}/v1/models`)).rejects.toThrow('fetch failed');
});

it('is set and cleared over HTTP, where an unknown fault is refused', async () => {
  const put = (body: unknown) =>
    fetch(`${simulator.url}/simulator/fault`, { method: 'PUT', body: JSON.stringify(body) });
  expect((await put({ kind: 'earthquake' })).status).toBe(400);
  expect((await put({ kind: 'no_done', sometimes: true })).status).toBe(400);
  expect((await put([{ kind: 'status', status: 500 }])).status).toBe(204);
  expect((await post('/api/generate', { model: 'gemma3:4b', prompt })).status).toBe(500);
  expect((await put({ kind: 'status', status: 502 })).status).toBe(204);
  expect((await post('/api/generate', { model: 'gemma3:4b', prompt })).status).toBe(502);
  await fetch(`${simulator.url}/simulator/fault`, { method: 'DELETE' });
  expect((await post('/api/generate', { model: 'gemma3:4b', prompt, stream: false })).status).toBe(200);
});
