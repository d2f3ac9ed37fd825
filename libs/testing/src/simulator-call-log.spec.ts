import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI from 'openai';
import { startSimulator, type Simulator } from './simulator.js';

let simulator: Simulator;
let openai: OpenAI;

beforeAll(async () => {
  simulator = await startSimulator();
  openai = new OpenAI({ baseURL: `${simulator.url}/v1`, apiKey: 'any', maxRetries: 0 });
});
beforeEach(() => simulator.reset());
afterAll(() => simulator.close());

const lastCall = () => simulator.calls().at(-1);

describe('the call log', () => {
  it.each([true, false])(
    'shows a client that aborts within 200 ms, with the tokens so far (stream: %s)',
    async (stream) => {
      simulator.setPace({ tokensPerSecond: 100 });
      const abort = new AbortController();
      const body = {
        model: 'gpt-4o-mini',
        messages: [{ role: 'user' as const, content: 'SIMULATE_TOKENS=1000' }],
        stream,
      };
      const request = openai.chat.completions.create(body, { signal: abort.signal });
      const settled = Promise.allSettled([request]);
      await sleep(300);
      expect(lastCall()).toMatchObject({ outcome: 'running' });

      const abortedAt = Date.now();
      abort.abort();
      await settled;
      while (lastCall()?.outcome === 'running' && Date.now() - abortedAt < 1000) await sleep(5);

      const call = lastCall();
      expect(call?.outcome).toBe('client_closed');
      expect(Date.parse(call?.clientClosedAt ?? '') - abortedAt).toBeLessThan(200);
      expect(call?.completionTokens).toBeGreaterThan(10);
      expect(call?.completionTokens).toBeLessThan(500);
      await sleep(100);
      expect(lastCall()).toEqual(call);
    },
  );

  it('ends a client that stops reading as client_closed, having generated only what the socket took', async () => {
    const abort = new AbortController();
    const body = JSON.stringify({ model: 'gemma3:4b', prompt: 'SIMULATE_TOKENS=400000' });
    const unread = await fetch(`${simulator.url}/api/generate`, { method: 'POST', body, signal: abort.signal });
    let before = -1;
    let stuck = lastCall()?.completionTokens ?? 0;
    while (stuck > before) {
      await sleep(300);
      [before, stuck] = [stuck, lastCall()?.completionTokens ?? 0];
    }
    expect(lastCall()?.outcome).toBe('running');
    expect(stuck).toBeLessThan(400_000);
    abort.abort();
    await expect(unread.text()).rejects.toThrow('aborted');
    await sleep(100);
    expect(lastCall()).toMatchObject({ outcome: 'client_closed', completionTokens: stuck });
  });

  it('is kept in a file, with the trace of each call, and read and cleared over HTTP', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'simulator-'));
    const logFile = join(directory, 'calls.jsonl');
    const logged = await startSimulator({ logFile });
    const headers = { 'x-request-id': 'request-1', traceparent: '00-a-b-01', authorization: 'Bearer secret' };
    const body = JSON.stringify({ model: 'gemma3:4b', prompt: 'Hello', stream: false });
    await fetch(`${logged.url}/api/generate`, { method: 'POST', body, headers });
    const calls: unknown = await (await fetch(`${logged.url}/simulator/calls`)).json();
    await fetch(`${logged.url}/simulator/calls`, { method: 'DELETE' });
    expect(logged.calls()).toEqual([]);
    await logged.close();

    const lines = (await readFile(logFile, 'utf8')).trimEnd().split('\n');
    await rm(directory, { recursive: true });
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(calls);
    expect(calls).toEqual([
      expect.objectContaining({
        requestHeaders: { 'x-request-id': 'request-1', traceparent: '00-a-b-01' },
        bodySha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      }),
    ]);
  });
});

it('close cuts the calls that are still running and logs them as such', async () => {
  const closing = await startSimulator({ tokensPerSecond: 1 });
  const body = JSON.stringify({ model: 'gemma3:4b', prompt: 'Hello' });
  const response = await fetch(`${closing.url}/api/generate`, { method: 'POST', body });
  await closing.close();
  await expect(response.text()).rejects.toThrow('terminated');
  expect(closing.calls()).toEqual([expect.objectContaining({ outcome: 'fault', fault: 'simulator_closed' })]);
});
