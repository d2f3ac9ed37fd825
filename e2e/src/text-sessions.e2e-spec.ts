import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  LogStats,
  ProcessTextResponse,
  RefineResponse,
  RegenerateResponse,
  TextSessionStatus,
} from '@tollgate/contracts';
import { eventually } from '@tollgate/testing';
import { readEvents, TestClient } from './client.js';
import { startStack, type Stack } from './stack.js';

const text = 'Tollgate stands between a frontend and its models. It meters every token. It bills each one once.';

let stack: Stack;
let client: TestClient;
let requestId: string;

beforeAll(async () => {
  stack = await startStack({}, ['text-processing', 'llm-router']);
  client = await TestClient.register(stack.url);
}, 60_000);
beforeEach(async () => {
  const response = await client.post('/process-text', { text, task: 'summary', summary_type: 'detailed' });
  requestId = ProcessTextResponse.parse(await response.json()).request_id;
});
afterEach(() => stack.local.reset());
afterAll(() => stack.stop(), 60_000);

const status = async (id: string) =>
  TextSessionStatus.parse(await (await client.send('GET', `/api/v1/refine/${id}`)).json());

describe('a result', () => {
  it('is refined from what it is, and regenerated from the original text, each with its counter', async () => {
    const refined = await client.post(`/refine/${requestId}`, { user_feedback: 'Make it shorter' });
    expect(refined.status).toBe(200);
    const first = RefineResponse.parse(await refined.json());
    expect(first).toMatchObject({ request_id: requestId, refinement_count: 1, task: 'summary', model: 'gemma3:4b' });
    expect(first.refined_output).toContain('(Asked for: Make it shorter)');
    expect(await status(requestId)).toMatchObject({
      current_output: first.refined_output,
      refinement_count: 1,
      regeneration_count: 0,
    });

    const regenerated = await client.post(`/regenerate/${requestId}/`, { user_feedback: 'Only about money' });
    const second = RegenerateResponse.parse(await regenerated.json());
    expect(second).toMatchObject({ request_id: requestId, regeneration_count: 1 });
    expect(second.regenerated_output).toContain('(Asked for: Only about money)');
    expect(second.regenerated_output).not.toContain('Make it shorter');
    expect(await status(requestId)).toMatchObject({ refinement_count: 1, regeneration_count: 1 });
  });

  it('is refined by ten at once one after the other, and none is lost', async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, async (_, index) => {
        const response = await client.post(`/refine/${requestId}`, { user_feedback: `Wish ${index}` });
        return RefineResponse.parse(await response.json());
      }),
    );
    const counts = answers.map(({ refinement_count }) => refinement_count).toSorted((a, b) => a - b);
    expect(counts).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const last = answers.find(({ refinement_count }) => refinement_count === 10);
    expect((await status(requestId)).current_output).toBe(last?.refined_output);
  });

  it('can be refined and regenerated as a stream, and stands when the stream has ended', async () => {
    for (const [path, counter] of [
      ['refine', 'refinement_count'],
      ['regenerate', 'regeneration_count'],
    ]) {
      const response = await client.post(`/api/v1/${path}/${requestId}`, { user_feedback: 'Be formal', stream: true });
      const { events, isDone } = await readEvents(response);
      const output = events.map(({ delta }) => (typeof delta === 'string' ? delta : '')).join('');
      expect(isDone).toBe(true);
      expect(events[0]).toMatchObject({ type: 'start', request_id: requestId, model: 'gemma3:4b' });
      expect(events.at(-1)).toMatchObject({ type: 'end', request_id: requestId, [String(counter)]: 1 });
      expect((await status(requestId)).current_output).toBe(output);
    }
  });

  it('is left as it was by a refinement that fails or whose reader hangs up, and can be refined after it', async () => {
    const before = await status(requestId);
    stack.local.setFault({ kind: 'status', status: 500, times: 3 });
    stack.cloud.setFault({ kind: 'status', status: 500 });
    const failed = await client.post(`/refine/${requestId}`, { user_feedback: 'x' });
    expect(failed.status).toBeGreaterThanOrEqual(500);
    stack.local.setFault(null);
    stack.cloud.setFault(null);

    stack.local.setPace({ tokensPerSecond: 20 });
    const controller = new AbortController();
    const body = { user_feedback: 'x', stream: true };
    const streaming = await client.post(`/refine/${requestId}`, body, { signal: controller.signal });
    await expect(readEvents(streaming, () => controller.abort())).rejects.toThrow();
    expect((await status(requestId)).current_output).toBe(before.current_output);

    stack.local.setPace({ tokensPerSecond: Infinity });
    const refined = await client.post(`/refine/${requestId}`, { user_feedback: 'Shorter' });
    expect(RefineResponse.parse(await refined.json()).refinement_count).toBe(1);
  });

  it('lives for two hours, longer when extended, and not after its deletion', async () => {
    expect((await status(requestId)).ttl_seconds).toBeGreaterThan(7_190);
    const extended = await client.send('POST', `/refine/${requestId}/extend?ttl_seconds=600`);
    expect(await extended.json()).toMatchObject({ request_id: requestId });
    expect((await status(requestId)).ttl_seconds).toBeGreaterThan(7_790);
    expect((await client.send('POST', `/refine/${requestId}/extend?ttl_seconds=0`)).status).toBe(400);

    const deleted = await client.send('DELETE', `/refine/${requestId}`);
    expect(await deleted.json()).toEqual({ request_id: requestId, deleted: true });
    expect((await client.send('GET', `/refine/${requestId}`)).status).toBe(404);
  });

  it('of another account is as unknown as one that never was', async () => {
    const other = await TestClient.register(stack.url);
    const feedback = { user_feedback: 'Give it to me' };
    const withoutId = async (response: Response) => {
      const { request_id: _, ...body } = (await response.json()) as Record<string, unknown>;
      return { status: response.status, body };
    };
    const attempts = [
      (id: string) => other.post(`/refine/${id}`, feedback),
      (id: string) => other.post(`/refine/${id}`, { ...feedback, stream: true }),
      (id: string) => other.post(`/regenerate/${id}`, feedback),
      (id: string) => other.send('GET', `/refine/${id}`),
      (id: string) => other.send('DELETE', `/refine/${id}`),
      (id: string) => other.send('POST', `/refine/${id}/extend`),
    ];
    for (const attempt of attempts) {
      const missing = await withoutId(await attempt(randomUUID()));
      expect(missing).toMatchObject({ status: 404, body: { detail: 'Request ID not found or expired.' } });
      expect(await withoutId(await attempt(requestId))).toEqual(missing);
      expect(await withoutId(await attempt('not-an-id'))).toEqual(missing);
    }
    expect((await status(requestId)).refinement_count).toBe(0);
  });
});

describe('a text that is longer than the context', () => {
  // About 20,000 tokens; the model takes 8,192.
  const long = Array.from({ length: 1_300 }, (_, index) => `Car ${index} has paid its toll and drove on to the sea.`);

  it('is summarised in pieces with progress, and what the pieces cost is added up', async () => {
    stack.local.clearCalls();
    const body = { text: long.join(' '), task: 'summary', strategy: 'map_reduce', stream: true };
    const { events, isDone } = await readEvents(await client.post('/api/v1/process-text', body));
    const progress = events.filter(({ type }) => type === 'progress');
    const calls = stack.local.calls();
    expect(isDone).toBe(true);
    expect(progress.length).toBeGreaterThan(3);
    expect(progress.at(-1)).toMatchObject({ stage: 'reduce' });
    expect(events.at(-1)).toMatchObject({
      type: 'end',
      usage: {
        input_tokens: calls.reduce((sum, { promptTokens }) => sum + promptTokens, 0),
        output_tokens: calls.reduce((sum, { completionTokens }) => sum + completionTokens, 0),
      },
    });
  });

  it('is rephrased piece by piece in the order of the text', async () => {
    const body = { text: long.join(' '), task: 'rephrase', strategy: 'map_reduce' };
    const response = await client.post('/api/v1/process-text', body);
    expect(response.status).toBe(200);
    const { output } = ProcessTextResponse.parse(await response.json());
    const cars = [...output.matchAll(/Car (\d+)/g)].map(([, car]) => Number(car));
    expect(cars.length).toBeGreaterThan(3);
    expect(cars).toEqual(cars.toSorted((a, b) => a - b));
  });
});

describe('the log files', () => {
  it('have a documented line for every call and its context, and no text of a user', async () => {
    const secret = 'the-secret-of-the-toll-keeper';
    const response = await client.post('/process-text', { text: `${text} ${secret}`, task: 'rephrase' });
    const { request_id, user_id } = ProcessTextResponse.parse(await response.json());
    const read = (name: string) => readFile(join(stack.logDir, name), 'utf8');
    const lines = await eventually(
      async () => (await read('llm_debug.log')).split('\n').filter((line) => line.includes(request_id)),
      (found) => found.length === 3,
    );
    const time = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`;
    expect(lines[0]).toMatch(
      new RegExp(
        String.raw`^${time} \| DEBUG    \| ${request_id} \| ${user_id} \| CONTEXT_USAGE \| model=gemma3:4b \| usage=[\d.]+% \| tokens=\d+/8192$`,
      ),
    );
    expect(lines[1]).toMatch(
      new RegExp(String.raw`^${time} \| INFO     \| .* \| LLM_REQUEST \| model=gemma3:4b \| task=rephrase$`),
    );
    expect(lines[2]).toMatch(
      new RegExp(String.raw`^${time} \| INFO     \| .* \| LLM_RESPONSE \| status=success \| latency=\d+ms \|`),
    );
    const names = ['llm_requests.log', 'llm_metrics.log', 'llm_debug.log'];
    for (const name of names) {
      expect(await read(name)).toContain(request_id);
      expect(await read(name)).not.toContain(secret);
    }
    const stats = LogStats.parse(await (await client.send('GET', '/logs/stats')).json());
    expect(Object.keys(stats.files)).toEqual(expect.arrayContaining([...names, 'llm_errors.log']));
    expect(stats.files['llm_requests.log']?.size_bytes).toBeGreaterThan(0);
  });

  it('say in four levels how full the context is, and a context that is full is an error of its own', async () => {
    const cases: [words: number, event: string, level: string][] = [
      [6_800, 'CONTEXT_USAGE_HIGH', 'WARNING '],
      [7_900, 'CONTEXT_NEAR_LIMIT', 'ERROR   '],
      [9_000, 'CONTEXT_EXCEEDED', 'CRITICAL'],
    ];
    for (const [words, event, level] of cases) {
      const response = await client.post('/process-text', { text: 'word '.repeat(words), task: 'rephrase' });
      const id = response.headers.get('x-request-id') ?? '';
      const file = join(stack.logDir, level === 'WARNING ' ? 'llm_requests.log' : 'llm_errors.log');
      const [line] = await eventually(
        async () => (await readFile(file, 'utf8')).split('\n').filter((found) => found.includes(id)),
        (found) => found.length > 0,
      );
      expect(line).toContain(`| ${level} | ${id} |`);
      expect(line).toContain(`| ${event} | model=gemma3:4b | usage=`);
    }
  });
});
