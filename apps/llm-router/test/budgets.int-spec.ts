import { complete, streamCompletion, type Caller } from '@tollgate/contracts';
import { eventually } from '@tollgate/testing';
import { startRouter, type RouterUnderTest } from './router-under-test.js';

let first: RouterUnderTest;
let second: RouterUnderTest;

beforeAll(async () => {
  first = await startRouter({ MAX_CONCURRENT_REQUESTS: '64', REPLICA_SLOTS: '600', QUEUE_MAX: '20000' });
  second = await first.addReplica();
});
afterAll(async () => {
  await second.stop();
  await first.stop();
});
beforeEach(() => first.cloud.reset());
afterEach(() => first.assertNoDrift());

const request = { task: 'chat', messages: [{ role: 'user' as const, content: 'Say something about budgets.' }] };
const MAX_TOKENS = 20;

/** What one of these requests holds, as the router counts it. */
async function holdOf(caller: Caller): Promise<number> {
  const refusal = await first.as(caller, () =>
    first.messages.send(complete, { ...request, max_tokens: MAX_TOKENS }).then(
      () => undefined,
      (error: unknown) => error,
    ),
  );
  const details: unknown = refusal instanceof Error ? Reflect.get(refusal, 'details') : undefined;
  const asked: unknown = typeof details === 'object' && details !== null ? Reflect.get(details, 'asked') : undefined;
  if (typeof asked !== 'number') throw new Error('a request without any budget was not refused');
  return asked;
}

async function ask(router: RouterUnderTest, caller: Caller, isStream: boolean): Promise<string> {
  const body = { ...request, max_tokens: MAX_TOKENS };
  try {
    await router.as(caller, async () => {
      if (!isStream) return void (await router.messages.send(complete, body));
      for await (const _part of router.messages.stream(streamCompletion, body));
    });
    return 'served';
  } catch (error) {
    return String(error instanceof Error ? Reflect.get(error, 'code') : error);
  }
}

describe('a budget for 10 requests', () => {
  it.each([
    ['answers', () => false],
    ['streams', () => true],
    ['answers and streams', (index: number) => index % 2 === 0],
  ])(
    'serves exactly 10 of 1,000 concurrent %s over two routers, and refuses 990 with a clear 402',
    async (_, isStream) => {
      const asked = await holdOf(await first.newCaller('pro', await first.newPlan(0)));
      // While those that were admitted run, only what they hold can keep the others out: an answer that is shorter than its
      // hold would make room for one more.
      first.cloud.setPace({ tokensPerSecond: 0.7 });
      let refused = 0;
      const caller = await first.newCaller('pro', await first.newPlan(asked * 10));
      const outcomes = await Promise.all(
        Array.from({ length: 1_000 }, async (_item, index) => {
          const outcome = await ask(index % 3 === 0 ? second : first, caller, isStream(index));
          if (outcome === 'insufficient_quota') refused += 1;
          if (refused === 990) first.cloud.setPace({ tokensPerSecond: 0 });
          return outcome;
        }),
      );
      const count = (code: string) => outcomes.filter((outcome) => outcome === code).length;
      expect([count('served'), count('insufficient_quota')]).toEqual([10, 990]);
      expect(first.cloud.calls()).toHaveLength(10);
      const usage = await first.usageOf(caller);
      const served = first.cloud.calls().reduce((sum, call) => sum + call.promptTokens + call.completionTokens, 0);
      expect(usage.month).toMatchObject({ totalTokens: served, heldTokens: 0 });
      expect(usage.month.totalTokens).toBeLessThanOrEqual(asked * 10);
      expect(usage.day).toMatchObject({ calls: 10, heldCalls: 0 });
    },
    60_000,
  );
});

describe('a thousand streams that their readers leave at random', () => {
  it('are all in the ledger with what was generated, hold nothing afterwards, and stand in nobody’s way', async () => {
    first.cloud.setPace({ firstTokenMs: 30, tokensPerSecond: 200 });
    const caller = await first.newCaller('pro', await first.newPlan(1_000_000_000));
    await Promise.all(
      Array.from({ length: 1_000 }, async (_, index) => {
        const router = index % 2 === 0 ? first : second;
        const leaving = new AbortController();
        const leave = () => leaving.abort();
        await router
          .as(
            caller,
            async () => {
              if (index % 10 === 0) setTimeout(leave, Math.random() * 3_000);
              for await (const { type } of router.messages.stream(streamCompletion, request)) {
                if (type === 'start') setTimeout(leave, Math.random() * 250);
              }
            },
            leaving.signal,
          )
          .catch(() => undefined);
      }),
    );
    const usage = await eventually(
      () => first.usageOf(caller),
      ({ month, day }) => month.heldTokens === 0 && day.heldCalls === 0,
      20_000,
    );
    const rows = await first.attemptsOf(caller);
    const calls = first.cloud.calls();
    // A reader may leave when the request is on its way; then the provider has not logged it, and generated nothing.
    const unseen = rows.filter(({ outcome, tokensOutput }) => outcome === 'cancelled' && tokensOutput === 0).length;
    expect(calls.length).toBeGreaterThan(800);
    expect(rows.length).toBeGreaterThanOrEqual(calls.length);
    expect(rows.length - unseen).toBeLessThanOrEqual(calls.length);
    expect(rows.every(({ usageSource, outcome }) => usageSource !== 'estimate' && outcome !== 'lost')).toBe(true);
    expect(usage.month.totalTokens).toBe(rows.reduce((sum, row) => sum + row.tokensInput + row.tokensOutput, 0));
    expect(await ask(first, caller, false)).toBe('served');
  }, 120_000);
});
