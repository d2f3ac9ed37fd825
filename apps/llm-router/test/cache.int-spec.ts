import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import {
  complete,
  streamCompletion,
  type Caller,
  type CompletionPart,
  type CompletionRequest,
} from '@tollgate/contracts';
import { eventually, failureOf, newTestDatabase, nextRedisUrl } from '@tollgate/testing';
import { startRouter, type RouterUnderTest } from './router-under-test.js';

let router: RouterUnderTest;
let database: { url: string; drop(): Promise<void> };
const redisUrl = nextRedisUrl();
const otherRedisUrl = nextRedisUrl();

const ask = (content: string, more: Partial<CompletionRequest> = {}): CompletionRequest => ({
  task: 'generate',
  messages: [{ role: 'user', content }],
  cache: { use: true },
  ...more,
});

const send = (caller: Caller, request: CompletionRequest, on = router) =>
  on.as(caller, () => on.messages.send(complete, request));

async function streamed(caller: Caller, request: CompletionRequest, signal?: AbortSignal): Promise<CompletionPart[]> {
  const parts: CompletionPart[] = [];
  await router.as(caller, async () => {
    for await (const part of router.messages.stream(streamCompletion, request, { signal })) parts.push(part);
  });
  return parts;
}

const textOf = (parts: CompletionPart[]) => parts.map((part) => (part.type === 'delta' ? part.text : '')).join('');

beforeAll(async () => {
  database = await newTestDatabase();
  router = await startRouter({ DATABASE_URL: database.url, REDIS_URL: redisUrl });
});
afterEach(() => {
  router.local.reset();
  router.cloud.reset();
});
afterAll(async () => {
  await router.stop();
  await database.drop();
});

describe('identical prompts', () => {
  it('500 at once make one provider call, and one row that costs', async () => {
    const caller = await router.newCaller('pro');
    const answers = await Promise.all(Array.from({ length: 500 }, () => send(caller, ask('the same for all'))));
    expect(router.cloud.calls()).toHaveLength(1);
    expect(new Set(answers.map(({ content }) => content)).size).toBe(1);
    const outcomes = answers.map(({ cache }) => cache?.outcome);
    expect(outcomes.filter((outcome) => outcome === 'miss')).toHaveLength(1);

    const rows = await router.attemptsOf(caller);
    expect(rows).toHaveLength(500);
    const [paid] = rows.filter(({ isCacheHit }) => !isCacheHit);
    expect(paid?.chargeMicroUsd).toBeGreaterThan(0n);
    for (const row of rows.filter(({ isCacheHit }) => isCacheHit)) {
      expect(row).toMatchObject({ chargeMicroUsd: 0n, providerCostMicroUsd: 0n, tokensOutput: paid?.tokensOutput });
    }
    expect(rows.filter(({ isCacheHit }) => isCacheHit)).toHaveLength(499);
  }, 30_000);

  it('of two replicas make one provider call', async () => {
    const other = await startRouter({
      DATABASE_URL: database.url,
      REDIS_URL: redisUrl,
      OLLAMA_BASE_URL: router.local.url,
      MAVERICK_BASE_URL: `${router.cloud.url}/v1`,
    });
    try {
      const caller = await router.newCaller('free');
      router.local.setPace({ firstTokenMs: 300 });
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, index) => send(caller, ask('over replicas'), index % 2 ? router : other)),
      );
      expect(router.local.calls()).toHaveLength(1);
      expect(new Set(answers.map(({ content }) => content)).size).toBe(1);
    } finally {
      await other.stop();
    }
  }, 30_000);

  it('are asked again by another one when the replica that asked has died', async () => {
    const caller = await router.newCaller('free');
    await send(caller, ask('a dead leader'));
    const redis = router.cacheConnection();
    const [entry = ''] = await redis.keys(`tollgate:{llm_response}:${caller.account_id}:*`);
    await redis.del(entry);
    await redis.set(`${entry}:flight`, 'of a dead replica', 'PX', 400);
    const answer = await send(caller, ask('a dead leader'));
    expect(answer.cache?.outcome).toBe('miss');
    expect(router.local.calls()).toHaveLength(2);
  });

  it('go on being answered when the one who asked first leaves, and stop when everyone has left', async () => {
    const caller = await router.newCaller('free');
    router.local.setPace({ tokensPerSecond: 40 });
    const request = ask('SIMULATE_TOKENS=60');
    const [first, second] = [new AbortController(), new AbortController()];
    const leaving = failureOf(streamed(caller, request, first.signal));
    await eventually(
      () => router.local.calls(),
      (calls) => calls.length === 1,
    );
    const staying = streamed(caller, request);
    await eventually(
      () => router.local.calls(),
      ([call]) => (call?.completionTokens ?? 0) > 5,
    );
    first.abort();
    expect((await leaving).code).toBe('cancelled');
    const parts = await staying;
    expect(parts.at(-1)).toMatchObject({ type: 'end', finish_reason: 'stop', cache: { outcome: 'shared' } });
    expect(parts[0]?.type).toBe('start');
    expect(router.local.calls()).toMatchObject([{ outcome: 'completed' }]);

    router.local.reset();
    router.local.setPace({ tokensPerSecond: 40 });
    const alone = failureOf(streamed(caller, ask('SIMULATE_TOKENS=500'), second.signal));
    await eventually(
      () => router.local.calls(),
      ([call]) => (call?.completionTokens ?? 0) > 2,
    );
    second.abort();
    await alone;
    await eventually(
      () => router.local.calls(),
      ([call]) => call?.outcome === 'client_closed',
    );
    const rows = await eventually(
      () => router.attemptsOf(caller),
      (found) => found.some(({ outcome }) => outcome === 'cancelled'),
    );
    expect(rows.at(-1)?.tokensOutput).toBeGreaterThan(0);
  });
});

describe('a kept answer', () => {
  it('is streamed with the same text, marked as a hit, with a row that costs nothing', async () => {
    const caller = await router.newCaller('pro');
    const first = await streamed(caller, ask('Ünïcode 日本語 😀 '.repeat(40)));
    const second = await streamed(caller, ask('Ünïcode 日本語 😀 '.repeat(40)));
    expect(router.cloud.calls()).toHaveLength(1);
    expect(textOf(second)).toBe(textOf(first));
    expect(first.at(-1)).toMatchObject({ cache: { outcome: 'miss' }, attempts: 1 });
    expect(second[0]).toMatchObject({ type: 'start', cache: { outcome: 'hit' } });
    expect(second.at(-1)).toMatchObject({ cache: { outcome: 'hit' }, attempts: 0 });
    const rows = await router.attemptsOf(caller);
    expect(rows.map(({ provider, isCacheHit }) => [provider, isCacheHit])).toEqual([
      ['maverick', false],
      ['maverick', true],
    ]);
    expect(rows[1]).toMatchObject({ chargeMicroUsd: 0n, tokensOutput: rows[0]?.tokensOutput });
  });

  it("is nobody else's: not of another account, character, model or setting", async () => {
    const [caller, other] = [await router.newCaller('free'), await router.newCaller('free')];
    await send(caller, ask('mine'));
    for (const [who, request] of [
      [other, ask('mine')],
      [caller, ask('mine', { cache: { use: true, character: 'peter' } })],
      [caller, ask('mine', { model: 'gemma3:12b' })],
      [caller, ask('mine', { top_p: 0.5 })],
      [caller, ask('mine', { max_tokens: 100 })],
    ] as const) {
      expect((await send(who, request)).cache?.outcome).toBe('miss');
    }
    expect((await send(caller, ask('mine'))).cache?.outcome).toBe('hit');
  });

  it('is for requests of a low temperature, and for others only when they say so', async () => {
    const caller = await router.newCaller('free');
    const outcomeOf = async (more: Partial<CompletionRequest>) => {
      await send(caller, ask('how warm?', more));
      return (await send(caller, ask('how warm?', more))).cache?.outcome;
    };
    expect(await outcomeOf({ cache: undefined, temperature: 0.2 })).toBe('hit');
    expect(await outcomeOf({ cache: undefined, temperature: 0.9 })).toBeUndefined();
    expect(await outcomeOf({ cache: undefined })).toBeUndefined();
    expect(await outcomeOf({ cache: { use: true }, temperature: 0.9 })).toBe('hit');
    expect(await outcomeOf({ cache: { use: false }, temperature: 0.1 })).toBe('bypass');
  });

  it('is never one that was cut, failed, or came from a fallback', async () => {
    const caller = await router.newCaller('pro');
    const cut = ask('a long answer please', { max_tokens: 3 });
    expect((await send(caller, cut)).finish_reason).toBe('length');
    expect((await send(caller, cut)).cache?.outcome).toBe('miss');

    const failing = ask('this fails', { model: 'gemma3:4b' });
    router.local.setFault({ kind: 'status', status: 500 });
    expect((await failureOf(send(caller, failing))).code).toBe('provider_error');
    router.local.reset();
    expect((await send(caller, failing)).cache?.outcome).toBe('miss');

    router.cloud.setFault({ kind: 'status', status: 500 });
    expect((await send(caller, ask('falls back'))).provider).toBe('ollama');
    router.cloud.reset();
    expect((await send(caller, ask('falls back'))).provider).toBe('maverick');
  }, 30_000);
});

describe('without the cache', () => {
  it('every request is answered by a model, at once, also when the cache takes connections and says nothing', async () => {
    const silent = createServer((socket) => socket.resume().on('error', () => socket.destroy())).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    for (const url of ['redis://127.0.0.1:1', `redis://127.0.0.1:${port}`]) {
      const apart = await startRouter({ REDIS_URL: otherRedisUrl, CACHE_REDIS_URL: url });
      try {
        const caller = await apart.newCaller('free');
        const startedAt = Date.now();
        for (const content of ['one', 'one', 'two']) {
          const answer = await apart.as(caller, () => apart.messages.send(complete, ask(content)));
          expect(answer.cache?.outcome).toBe('miss');
        }
        expect(Date.now() - startedAt).toBeLessThan(5_000);
        expect(apart.local.calls()).toHaveLength(3);
      } finally {
        await apart.stop();
      }
    }
    silent.close();
  }, 30_000);
});
