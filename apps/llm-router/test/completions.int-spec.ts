import { setTimeout as sleep } from 'node:timers/promises';
import { complete, selectModel, streamCompletion, type CompletionPart } from '@tollgate/contracts';
import { eventually, failureOf } from '@tollgate/testing';
import { CompletionCollector } from '../src/completions/completion-collector.js';
import { startRouter, type RouterUnderTest } from './router-under-test.js';

let router: RouterUnderTest;

const ask = (content: string) => ({
  task: 'chat',
  messages: [{ role: 'user' as const, content }],
});

// Each with breakers of its own.
beforeEach(async () => {
  router = await startRouter();
});
afterEach(() => router.stop());

describe('a completion', () => {
  it('stands in the ledger with exactly the tokens that the provider logged, priced by a version', async () => {
    const caller = await router.newCaller('pro');
    const completion = await router.as(caller, () => router.messages.send(complete, ask('What is Tollgate?')));
    const [call] = router.cloud.calls();
    const attempts = await router.attemptsOf(caller);

    expect(completion).toMatchObject({
      model: 'llama-4-maverick',
      provider: 'maverick',
      finish_reason: 'stop',
      attempts: 1,
    });
    expect(completion.content).toContain('[simulated]');
    expect(attempts).toHaveLength(1);
    expect(attempts[0]).toMatchObject({
      attemptNumber: 1,
      outcome: 'completed',
      usageSource: 'provider',
      tokensInput: call?.promptTokens,
      tokensOutput: call?.completionTokens,
      userId: caller.user_id,
    });
    const microUsd = ((call?.promptTokens ?? 0) * 200_000 + (call?.completionTokens ?? 0) * 600_000) / 1_000_000;
    expect(attempts[0]?.providerCostMicroUsd).toBe(BigInt(Math.ceil(microUsd)));
  });

  it('has its row committed before the end of the stream is handed out', async () => {
    const caller = await router.newCaller('free');
    router.local.setPace({ tokensPerSecond: 500 }); // What arrives together is handed out together.
    const parts: CompletionPart[] = [];
    let rowsAtEnd = -1;
    await router.as(caller, async () => {
      for await (const part of router.messages.stream(streamCompletion, ask('Tell me a story'))) {
        parts.push(part);
        if (part.type === 'end') rowsAtEnd = (await router.attemptsOf(caller)).length;
      }
    });
    expect(rowsAtEnd).toBe(1);
    expect(parts[0]).toEqual({ type: 'start', model: 'gemma3:4b', provider: 'ollama' });
    expect(parts.at(-1)).toMatchObject({ type: 'end', finish_reason: 'stop', usage: { source: 'provider' } });
    expect(parts.filter(({ type }) => type === 'delta').length).toBeGreaterThan(1);
  });

  it('reads a stream and a whole answer as the same text', async () => {
    const caller = await router.newCaller('free');
    const whole = await router.as(caller, () => router.messages.send(complete, ask('Ünïcode, 日本語 and 😀 please')));
    let streamed = '';
    await router.as(caller, async () => {
      for await (const part of router.messages.stream(streamCompletion, ask('Ünïcode, 日本語 and 😀 please'))) {
        if (part.type === 'delta') streamed += part.text;
      }
    });
    expect(streamed).toBe(whole.content);
  });

  it('brings tools, reasoning and the reason of the choice to the caller, whole and streamed', async () => {
    const caller = await router.newCaller('pro');
    const tool = (name: string) => ({ type: 'function' as const, function: { name } });
    const request = {
      ...ask('SIMULATE_REASONING_TOKENS=5 SIMULATE_TOOL_CALLS=2 Weather?'),
      tools: [tool('weather'), tool('time')],
    };
    const whole = await router.as(caller, () => router.messages.send(complete, request));
    expect(whole).toMatchObject({
      finish_reason: 'tool_calls',
      content: '',
      reasoning: expect.stringContaining('[simulated]'),
      tool_calls: [{ function: { name: 'weather' } }, { function: { name: 'time' } }],
      metadata: { model_used: 'llama-4-maverick', reason: 'tier_cloud', failed_attempts: [] },
    });
    const collector = new CompletionCollector();
    await router.as(caller, async () => {
      for await (const part of router.messages.stream(streamCompletion, { ...request, model: 'gemma3:4b' })) {
        if (part.type === 'end') expect(part.metadata.reason).toBe('requested');
        else if (part.type !== 'start') collector.add(part);
      }
    });
    const { reasoning, tool_calls: calls = [] } = collector.message();
    expect(reasoning).toBe(whole.reasoning);
    expect(calls.map((call) => call.function)).toEqual(whole.tool_calls?.map((call) => call.function));
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2);
    const attempts = await router.attemptsOf(caller);
    expect(attempts.map(({ usageSource }) => usageSource)).toEqual(['provider', 'provider']);
  });

  it.each([
    ['by the provider', 'llama-4-maverick'],
    ['by our tokenizer, where the provider does not tell', 'gemma3:4b'],
  ])('has its reasoning counted %s, as a part of the output', async (_, model) => {
    const caller = await router.newCaller('pro');
    const request = { ...ask('SIMULATE_REASONING_TOKENS=40 Hello'), model };
    const { usage } = await router.as(caller, () => router.messages.send(complete, request));
    const [call] = [...router.cloud.calls(), ...router.local.calls()];
    const [row] = await router.attemptsOf(caller);
    expect(usage).toMatchObject({ source: 'provider', output_tokens: call?.completionTokens });
    if (model === 'llama-4-maverick') expect(usage.reasoning_tokens).toBe(40);
    expect(usage.reasoning_tokens).toBeGreaterThan(30);
    expect(usage.reasoning_tokens).toBeLessThan(usage.output_tokens);
    expect(row).toMatchObject({ tokensOutput: usage.output_tokens, tokensReasoning: usage.reasoning_tokens });
  });

  it('lowers max_tokens to what the plan allows and says that it was cut', async () => {
    const caller = await router.newCaller('free');
    const completion = await router.as(caller, () =>
      router.messages.send(complete, { ...ask('SIMULATE_TOKENS=3000'), max_tokens: 100_000 }),
    );
    expect(completion.finish_reason).toBe('length');
    expect(completion.usage.output_tokens).toBe(2_048);
  });

  it.each([
    ['missing', 'missing_usage'],
    ['zero', 'zero_usage'],
  ] as const)('is counted by the tokenizer when the usage is %s', async (_, kind) => {
    const caller = await router.newCaller('free');
    router.local.setFault({ kind });
    const completion = await router.as(caller, () => router.messages.send(complete, ask('How many tokens are these?')));
    expect(completion.usage.source).toBe('tokenizer');
    expect(completion.usage.input_tokens).toBeGreaterThan(5);
    expect(completion.usage.output_tokens).toBeGreaterThan(5);
    expect((await router.attemptsOf(caller))[0]).toMatchObject({ usageSource: 'tokenizer', outcome: 'completed' });
  });

  it('that is given up stops the provider and stands in the ledger with what was generated', async () => {
    const caller = await router.newCaller('free');
    router.local.setPace({ tokensPerSecond: 100 });
    const controller = new AbortController();
    let received = '';
    const error = await failureOf(
      router.as(
        caller,
        async () => {
          for await (const part of router.messages.stream(streamCompletion, ask('SIMULATE_TOKENS=1000'))) {
            if (part.type === 'delta') received += part.text;
            if (received.length > 40) controller.abort();
          }
        },
        controller.signal,
      ),
    );
    const abortedAt = Date.now();
    expect(error.code).toBe('cancelled');
    const [call] = await eventually(
      async () => router.local.calls(),
      ([entry]) => entry?.outcome === 'client_closed',
    );
    expect(Date.parse(call?.clientClosedAt ?? '') - abortedAt).toBeLessThan(200);
    const [attempt] = await eventually(
      () => router.attemptsOf(caller),
      (rows) => rows.length === 1,
    );
    expect(attempt).toMatchObject({ outcome: 'cancelled', errorCode: 'cancelled', usageSource: 'tokenizer' });
    expect(attempt?.tokensInput).toBeGreaterThan(0);
    expect(attempt?.tokensOutput).toBeGreaterThan(0);
    // The tokenizer of the family and the provider differ by some per cent; some tokens more may be under way.
    expect(Math.abs((attempt?.tokensOutput ?? 0) - (call?.completionTokens ?? 0))).toBeLessThan(10);
  });
});

describe('a completion that no provider has seen', () => {
  it('costs nothing: it was given up while it waited for its turn', async () => {
    const caller = await router.newCaller('free');
    router.local.setFault({ kind: 'hang' });
    const controller = new AbortController();
    const requests = Array.from({ length: 25 }, () =>
      failureOf(router.as(caller, () => router.messages.send(complete, ask('Hello')), controller.signal)),
    );
    // An Ollama takes 5 at once.
    await eventually(
      async () => router.local.calls().length,
      (count) => count === 5,
    );
    controller.abort();
    await Promise.all(requests);
    const attempts = await eventually(
      () => router.attemptsOf(caller),
      (rows) => rows.length === 5,
    );
    expect(attempts.every(({ tokensInput }) => tokensInput > 0)).toBe(true);
    expect(attempts.every(({ outcome, errorCode }) => outcome === 'cancelled' && errorCode === 'cancelled')).toBe(true);
    expect(router.local.calls()).toHaveLength(5);
  });
});

describe('the choice of a model', () => {
  const choose = async (tier: string, model?: string) => {
    const caller = await router.newCaller(tier);
    return router.as(caller, () => router.messages.send(selectModel, { model }));
  };

  it('gives pro the cloud model and free the default local one', async () => {
    expect(await choose('pro')).toMatchObject({ model: 'llama-4-maverick', context_length: 131_072 });
    expect(await choose('free')).toMatchObject({ model: 'gemma3:4b', context_length: 8_192 });
  });

  it('never answers for a local model that was asked for with a cloud model that costs', async () => {
    const caller = await router.newCaller('pro');
    router.local.setFault({ kind: 'status', status: 500, model: 'qwen2.5:3b' });
    const completion = await router.as(caller, () =>
      router.messages.send(complete, { ...ask('Hello'), model: 'qwen2.5:3b' }),
    );
    expect(completion).toMatchObject({ provider: 'ollama', attempts: 2 });
  });

  it('honours a model that the plan includes and refuses others by name', async () => {
    expect((await choose('pro', 'qwen2.5:3b')).model).toBe('qwen2.5:3b');
    expect(await failureOf(choose('free', 'llama-4-maverick'))).toMatchObject({
      code: 'model_not_allowed',
      param: 'model',
    });
    expect(await failureOf(choose('free', 'gpt-17'))).toMatchObject({ code: 'model_not_found', param: 'model' });
  });
});

describe('a provider that fails', () => {
  it('before the first token is replaced by the next one, and both attempts stand in the ledger', async () => {
    const caller = await router.newCaller('pro');
    router.cloud.setFault({ kind: 'status', status: 500 });
    const completion = await router.as(caller, () => router.messages.send(complete, ask('Hello')));
    expect(completion).toMatchObject({
      model: 'gemma3:4b',
      attempts: 2,
      metadata: {
        model_used: 'gemma3:4b',
        reason: 'fallback',
        failed_attempts: [{ model: 'llama-4-maverick', provider: 'maverick', category: 'api_error' }],
      },
    });
    const attempts = await router.attemptsOf(caller);
    expect(attempts.map(({ attemptNumber, outcome, model }) => [attemptNumber, outcome, model])).toEqual([
      [1, 'failed', 'llama-4-maverick'],
      [2, 'completed', 'gemma3:4b'],
    ]);
    expect((await router.usageOf(caller)).day.calls).toBe(1);
    expect(attempts[0]).toMatchObject({
      errorCode: 'api_error',
      tokensInput: 0,
      tokensOutput: 0,
      chargeMicroUsd: 0n,
    });
  });

  it('after the first token of a stream ends it with an error, and what was generated is recorded but not charged', async () => {
    const caller = await router.newCaller('pro');
    router.cloud.setFault({ kind: 'error_frame', afterTokens: 5 });
    const received: CompletionPart[] = [];
    const error = await failureOf(
      router.as(caller, async () => {
        for await (const part of router.messages.stream(streamCompletion, ask('Hello, how are you today?')))
          received.push(part);
      }),
    );
    expect(error.code).toBe('provider_error');
    expect(received[0]?.type).toBe('start');
    const [attempt, ...others] = await router.attemptsOf(caller);
    expect(others).toEqual([]);
    expect(attempt).toMatchObject({ outcome: 'failed', usageSource: 'tokenizer', chargeMicroUsd: 0n });
    expect(attempt?.tokensOutput).toBeGreaterThan(0);
  });

  it.each([
    ['cuts the connection', { kind: 'cut', afterBytes: 150 }],
    ['ends without a last word', { kind: 'no_done' }],
  ] as const)('is not mistaken for a complete answer when it %s', async (_, fault) => {
    const caller = await router.newCaller('pro');
    router.cloud.setFault(fault);
    const completion = await router.as(caller, () => router.messages.send(complete, ask('Hello, how are you today?')));
    expect(completion).toMatchObject({ provider: 'ollama', attempts: 2 });
  });

  it('and keeps its connection open after a complete answer does not spoil it', async () => {
    const caller = await router.newCaller('free');
    router.local.setFault({ kind: 'linger' });
    const completion = await router.as(caller, () => router.messages.send(complete, ask('Hello')));
    expect(completion).toMatchObject({ finish_reason: 'stop', attempts: 1, usage: { source: 'provider' } });
    expect((await router.attemptsOf(caller)).map(({ outcome }) => outcome)).toEqual(['completed']);
  });

  it('says nothing of what the provider said', async () => {
    const caller = await router.newCaller('free');
    for (const simulator of [router.local, router.cloud])
      simulator.setFault({ kind: 'status', status: 500, body: { error: 'secret of the provider' } });
    const error = await failureOf(router.as(caller, () => router.messages.send(complete, ask('Hello'))));
    expect(error.code).toBe('provider_error');
    expect(JSON.stringify(error.toWire())).not.toContain('secret');
  });
});

describe('a prompt over the context length', () => {
  it('is refused with the documented numbers and no provider is asked', async () => {
    const caller = await router.newCaller('free');
    const error = await failureOf(router.as(caller, () => router.messages.send(complete, ask('word '.repeat(9_000)))));
    expect(error).toMatchObject({
      code: 'context_length_exceeded',
      details: { model: 'gemma3:4b', context_limit: 8192 },
    });
    expect(router.local.calls()).toEqual([]);
    expect(await router.attemptsOf(caller)).toEqual([]);
  });
});

describe('without any provider', () => {
  it('free users are served by the cloud as the last resort, unless that is switched off', async () => {
    const [open, closed] = await Promise.all([startRouter(), startRouter({ LAST_RESORT_CLOUD: 'false' })]);
    try {
      await Promise.all([open.local.close(), closed.local.close()]);
      await sleep(300);
      const served = await open.newCaller('free');
      expect(await open.as(served, () => open.messages.send(complete, ask('Hello')))).toMatchObject({
        provider: 'maverick',
        metadata: { reason: 'last_resort' },
      });
      const refused = await closed.newCaller('free');
      const error = await failureOf(closed.as(refused, () => closed.messages.send(complete, ask('Hello'))));
      expect(error.code).toBe('no_model_available');
      expect(error.retryAfterSeconds).toBeGreaterThan(0);
    } finally {
      await Promise.all([open.stop(), closed.stop()]);
    }
  });
});
