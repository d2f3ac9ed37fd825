import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  complete,
  isAppError,
  streamCompletion,
  type AppError,
  type Caller,
  type CompletionPart,
} from '@tollgate/contracts';
import { eventually, type SimulatedCall, type SimulatorFault } from '@tollgate/testing';
import { startRouter, type RouterUnderTest } from './router-under-test.js';

const STREAMS = 64;
const DEADLINE_MS = 20_000;
jest.setTimeout(60_000);

let folder: string;
let modelsFile: string;
let router: RouterUnderTest;

interface Outcome {
  parts: CompletionPart[];
  error: AppError | undefined;
  tookMs: number;
}

/** The models of the repository, with timers of the cloud short enough for a test. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tollgate-resilience-'));
  modelsFile = join(folder, 'models.yaml');
  const text = await readFile(join(__dirname, '../../../config/models.yaml'), 'utf8');
  const short = 'first_token_timeout_ms: 1500\n    idle_timeout_ms: 1500\n    location: cloud';
  const others = text.replaceAll(/ +first_token_timeout_ms: .*\n/g, '');
  await writeFile(modelsFile, others.replaceAll('location: cloud', short));
});
afterAll(() => rm(folder, { recursive: true }));

beforeEach(async () => {
  router = await startRouter({
    MODELS_FILE: modelsFile,
    REPLICA_SLOTS: '128',
    MAX_CONCURRENT_REQUESTS: '20',
    REQUEST_TIMEOUT_MS: String(DEADLINE_MS),
  });
  router.cloud.setPace({ tokensPerSecond: 400 });
});
afterEach(() => router.stop());

async function streamOf(caller: Caller): Promise<Outcome> {
  const startedAt = performance.now();
  const parts: CompletionPart[] = [];
  let error: AppError | undefined;
  const request = { task: 'chat', messages: [{ role: 'user' as const, content: 'SIMULATE_TOKENS=40' }] };
  try {
    await router.as(caller, async () => {
      for await (const part of router.messages.stream(streamCompletion, request)) parts.push(part);
    });
  } catch (thrown) {
    if (!isAppError(thrown)) throw thrown;
    error = thrown;
  }
  return { parts, error, tookMs: performance.now() - startedAt };
}

/** 64 streams of four pro accounts at once; `meanwhile` runs when they have started. */
async function underLoad(meanwhile: () => unknown = () => undefined) {
  const callers = await Promise.all([1, 2, 3, 4].map(() => router.newCaller('pro')));
  const streams = Array.from({ length: STREAMS / callers.length }, () => callers.map(streamOf)).flat();
  await meanwhile();
  const outcomes = await Promise.all(streams);
  const attempts = (await Promise.all(callers.map((caller) => router.attemptsOf(caller)))).flat();
  return { outcomes, attempts };
}

const requestIdsOf = (calls: SimulatedCall[]) => calls.map((call) => call.requestHeaders['x-request-id']).toSorted();

/** An answer with its end, or an error that is a client's to see; never a silent stop, never after the deadline. */
function expectHonest(outcomes: Outcome[]): void {
  expect(outcomes).toHaveLength(STREAMS);
  for (const { parts, error, tookMs } of outcomes) {
    expect(tookMs).toBeLessThan(DEADLINE_MS + 1_000);
    if (error) expect(['provider_error', 'no_model_available', 'deadline_exceeded']).toContain(error.code);
    else expect(parts.at(-1)).toMatchObject({ type: 'end', finish_reason: 'stop' });
  }
}

describe('under 64 streams at once, a cloud provider that', () => {
  it.each([
    ['hangs before its headers', { kind: 'hang' }],
    ['answers 500', { kind: 'status', status: 500 }],
    ['answers 429', { kind: 'status', status: 429, headers: { 'retry-after': '30' } }],
    ['answers nonsense', { kind: 'garbage' }],
    ['lacks the model', { kind: 'status', status: 404 }],
  ] satisfies [string, SimulatorFault][])(
    '%s is replaced for everyone, and every attempt is a row',
    async (_, fault) => {
      router.cloud.setFault(fault);
      const { outcomes, attempts } = await underLoad();
      expectHonest(outcomes);
      expect(outcomes.filter(({ error }) => error)).toEqual([]);
      for (const { parts } of outcomes) {
        expect(parts.at(-1)).toMatchObject({ provider: 'ollama', metadata: { model_used: expect.any(String) } });
      }
      // The breaker, or the cool-down, has spared most of them the attempt.
      expect(router.cloud.calls().length).toBeLessThanOrEqual(40);
      const calls = [...router.cloud.calls(), ...router.local.calls()];
      expect(attempts.map(({ requestId }) => requestId).toSorted()).toEqual(requestIdsOf(calls));
    },
  );

  it('is slow but answers serves everyone itself', async () => {
    router.cloud.setPace({ firstTokenMs: 300 });
    const { outcomes, attempts } = await underLoad();
    expectHonest(outcomes);
    expect(outcomes.filter(({ parts }) => parts.at(-1)?.type === 'end')).toHaveLength(STREAMS);
    expect(attempts.map(({ requestId }) => requestId).toSorted()).toEqual(requestIdsOf(router.cloud.calls()));
  });

  it.each([
    ['hangs in mid-stream', { kind: 'hang', afterTokens: 5 }],
    ['cuts its answers', { kind: 'cut', afterBytes: 2_000 }],
  ] satisfies [string, SimulatorFault][])(
    '%s ends what it began with an error, and the others are answered',
    async (_, fault) => {
      router.cloud.setFault(fault);
      const { outcomes, attempts } = await underLoad();
      expectHonest(outcomes);
      const failed = outcomes.filter(({ error }) => error);
      expect(failed.length).toBeGreaterThanOrEqual(5);
      expect(failed.length).toBeLessThan(STREAMS);
      for (const { error } of failed)
        expect(error?.details).toMatchObject({ category: expect.stringMatching(/^(timeout|api_error)$/) });
      const calls = [...router.cloud.calls(), ...router.local.calls()];
      expect(attempts.map(({ requestId }) => requestId).toSorted()).toEqual(requestIdsOf(calls));
    },
  );

  it('is killed costs the streams that it was in an error, and nobody else', async () => {
    router.cloud.setPace({ tokensPerSecond: 100 });
    const { outcomes, attempts } = await underLoad(async () => {
      await eventually(
        async () => router.cloud.calls().filter(({ completionTokens }) => completionTokens > 2).length,
        (count) => count >= 10,
      );
      await router.cloud.close();
    });
    expectHonest(outcomes);
    expect(outcomes.filter(({ error }) => error).length).toBeLessThanOrEqual(20);
    // A request may have left for a server that was no longer there to log it.
    const recorded = new Map(attempts.map(({ requestId, provider }) => [requestId + provider, true]));
    for (const id of requestIdsOf(router.cloud.calls())) expect(recorded.has(`${id}maverick`)).toBe(true);
    for (const id of requestIdsOf(router.local.calls())) expect(recorded.has(`${id}ollama`)).toBe(true);
  });
});

describe('with nobody left', () => {
  it('everyone hears an honest error, with the category and the attempts', async () => {
    router.cloud.setFault({ kind: 'status', status: 500 });
    router.local.setFault({ kind: 'status', status: 503 });
    const { outcomes, attempts } = await underLoad();
    expectHonest(outcomes);
    expect(outcomes.filter(({ error }) => !error)).toEqual([]);
    const exhausted = outcomes.filter(({ error }) => error?.code === 'provider_error');
    expect(exhausted.length).toBeGreaterThan(0);
    for (const { error } of exhausted) {
      expect(error?.details).toHaveProperty('failed_attempts.0.category', 'api_error');
    }
    const calls = [...router.cloud.calls(), ...router.local.calls()];
    expect(attempts.map(({ requestId }) => requestId).toSorted()).toEqual(requestIdsOf(calls));
    expect(attempts.every(({ chargeMicroUsd, errorCode }) => chargeMicroUsd === 0n && errorCode === 'api_error')).toBe(
      true,
    );
  });

  it('three attempts are made and no more', async () => {
    router.cloud.setFault({ kind: 'status', status: 500 });
    router.local.setFault({ kind: 'status', status: 503 });
    const caller = await router.newCaller('pro');
    const { error } = await streamOf(caller);
    expect(error).toMatchObject({ code: 'provider_error', details: { category: 'max_retries_exceeded' } });
    expect((await router.attemptsOf(caller)).map(({ attemptNumber }) => attemptNumber)).toEqual([1, 2, 3]);
    expect(router.cloud.calls().length + router.local.calls().length).toBe(3);
  });

  it('a short Retry-After is waited for, and the answer comes', async () => {
    const only = join(folder, 'only.yaml');
    await writeFile(
      only,
      `default_model: gemma3:4b
providers: { ollama: { kind: ollama, location: local, base_url: '${router.local.url}' } }
models: [{ id: 'gemma3:4b', provider: ollama, context_length: 8192, tokenizer: gemma, tiers: [free] }]`,
    );
    const alone = await startRouter({ MODELS_FILE: only });
    router.local.setFault({ kind: 'status', status: 429, headers: { 'retry-after': '1' }, times: 1 });
    const caller = await alone.newCaller('free');
    const startedAt = performance.now();
    const request = { task: 'chat', messages: [{ role: 'user' as const, content: 'Hello' }] };
    const completion = await alone.as(caller, () => alone.messages.send(complete, request));
    expect(performance.now() - startedAt).toBeGreaterThan(990);
    expect(completion).toMatchObject({
      attempts: 2,
      metadata: { failed_attempts: [{ model: 'gemma3:4b', provider: 'ollama', category: 'rate_limit' }] },
    });
    expect((await alone.attemptsOf(caller)).map(({ outcome, errorCode }) => [outcome, errorCode])).toEqual([
      ['failed', 'rate_limit'],
      ['completed', null],
    ]);
    await alone.stop();
  });

  it('a request that the provider refuses is not tried again, and says whose fault it is', async () => {
    router.cloud.setFault({ kind: 'status', status: 400 });
    const caller = await router.newCaller('pro');
    const { error } = await streamOf(caller);
    expect(error).toMatchObject({ code: 'invalid_request', details: { category: 'api_error' } });
    expect(router.cloud.calls()).toHaveLength(1);
    expect(router.local.calls()).toEqual([]);
    expect(await router.attemptsOf(caller)).toMatchObject([{ outcome: 'failed', chargeMicroUsd: 0n }]);
  });
});
