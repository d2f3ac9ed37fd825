import { complete, streamCompletion, type CompletionPart, type CompletionRequest } from '@tollgate/contracts';
import { failureOf } from '@tollgate/testing';
import { z } from 'zod';
import { startRouter, type RouterUnderTest } from './router-under-test.js';

let router: RouterUnderTest;

const schema = {
  type: 'object',
  properties: { title: { type: 'string' }, stars: { type: 'integer', minimum: 1, maximum: 5 } },
  required: ['title', 'stars'],
  additionalProperties: false,
};

const ask = (more: Partial<CompletionRequest> = {}): CompletionRequest => ({
  task: 'chat',
  messages: [{ role: 'user', content: 'Review this film' }],
  response_format: { type: 'json_schema', json_schema: { name: 'review', schema } },
  ...more,
});

/** What Ollama sends for an answer of this text. */
const says = (text: string, reason = 'stop') => ({
  kind: 'status' as const,
  status: 200,
  body: [
    JSON.stringify({ message: { role: 'assistant', content: text }, done: false }),
    JSON.stringify({
      message: { role: 'assistant', content: '' },
      done: true,
      done_reason: reason,
      prompt_eval_count: 5,
      eval_count: 7,
    }),
    '',
  ].join('\n'),
});

const Details = z.object({ problems: z.array(z.string()), last_text: z.string(), attempts: z.number() });

beforeAll(async () => {
  router = await startRouter();
});
afterEach(() => router.local.reset());
afterAll(() => router.stop());

const send = async (request: CompletionRequest) => {
  const caller = await router.newCaller('free');
  return { caller, answer: router.as(caller, () => router.messages.send(complete, request)) };
};

describe('an answer by a schema', () => {
  it('is returned without fences and chatter when it is valid', async () => {
    router.local.setFault(says('Sure:\n```json\n{"title":"Alien","stars":5}\n```'));
    const { answer } = await send(ask());
    expect(JSON.parse((await answer).content)).toEqual({ title: 'Alien', stars: 5 });
  });

  it('that is not valid is asked for again with what was wrong, and every attempt is billed', async () => {
    router.local.setFault([{ ...says('{"title":"Alien","stars":9}'), times: 1 }, says('{"title":"Alien","stars":5}')]);
    const { caller, answer } = await send(ask());
    expect(await answer).toMatchObject({
      content: '{"title":"Alien","stars":5}',
      attempts: 2,
      usage: { output_tokens: 14 },
    });
    const [first, second] = router.local.calls();
    expect(second?.promptTokens).toBeGreaterThan(first?.promptTokens ?? 0);
    const rows = await router.attemptsOf(caller);
    expect(rows.map(({ attemptNumber }) => attemptNumber)).toEqual([1, 2]);
    expect(new Set(rows.map(({ callId }) => callId)).size).toBe(1);
    expect(rows.every(({ tokensOutput }) => tokensOutput === 7)).toBe(true);
  });

  it('that is still not valid after asking twice again is 422 with what was wrong and the last text', async () => {
    router.local.setFault(says('{"title":"Alien","stars":9}'));
    const { caller, answer } = await send(ask());
    const error = await failureOf(answer);
    expect(error).toMatchObject({ code: 'invalid_structured_output', status: 422, retryable: false });
    expect(Details.parse(error.details)).toMatchObject({
      problems: ['/stars: must be <= 5'],
      last_text: '{"title":"Alien","stars":9}',
      attempts: 3,
    });
    expect(await router.attemptsOf(caller)).toHaveLength(3);
  });

  it('that was cut is never mended, and not asked for again', async () => {
    router.local.setFault(says('{"title":"Alien","stars":5}', 'length'));
    const { caller, answer } = await send(ask());
    const error = await failureOf(answer);
    expect(Details.parse(error.details)).toMatchObject({ problems: ['was cut at max_tokens'], attempts: 1 });
    expect(await router.attemptsOf(caller)).toHaveLength(1);
  });

  it('is streamed only when it is valid, with its HTTP status until then', async () => {
    const caller = await router.newCaller('free');
    const stream = async () => {
      const parts: CompletionPart[] = [];
      for await (const part of router.messages.stream(streamCompletion, ask())) parts.push(part);
      return parts;
    };
    router.local.setFault([{ ...says('nonsense'), times: 1 }, says('{"title":"Alien","stars":5}')]);
    const parts = await router.as(caller, stream);
    expect(parts.map((part) => (part.type === 'delta' ? part.text : '')).join('')).toBe('{"title":"Alien","stars":5}');
    router.local.setFault(says('nonsense'));
    expect((await failureOf(router.as(caller, stream))).code).toBe('invalid_structured_output');
  });
});

it('JSON mode takes any object and nothing else', async () => {
  const jsonMode = ask({ response_format: { type: 'json_object' } });
  router.local.setFault(says('{"any":"thing"}'));
  expect((await (await send(jsonMode)).answer).content).toBe('{"any":"thing"}');
  router.local.setFault(says('[1,2]'));
  expect((await failureOf((await send(jsonMode)).answer)).code).toBe('invalid_structured_output');
});

it.each([
  ['that is none', { type: 'sing' }],
  ['that reaches elsewhere', { $ref: 'http://example.com/schema' }],
  ['that is too deep', JSON.parse(`${'{"items":'.repeat(40)}{}${'}'.repeat(40)}`)],
])('a schema %s is 400 and costs nothing', async (_, bad) => {
  const { caller, answer } = await send(
    ask({ response_format: { type: 'json_schema', json_schema: { name: 'x', schema: bad } } }),
  );
  expect(await failureOf(answer)).toMatchObject({
    code: 'invalid_request',
    param: 'response_format.json_schema.schema',
  });
  expect(await router.attemptsOf(caller)).toEqual([]);
});

it('an answer that was asked for twice is kept as the valid one', async () => {
  const caller = await router.newCaller('free');
  router.local.setFault([{ ...says('nonsense'), times: 1 }, says('{"title":"Alien","stars":5}')]);
  const request = ask({ cache: { use: true } });
  await router.as(caller, () => router.messages.send(complete, request));
  const again = await router.as(caller, () => router.messages.send(complete, request));
  expect(again).toMatchObject({ content: '{"title":"Alien","stars":5}', cache: { outcome: 'hit' } });
  expect(router.local.calls()).toHaveLength(2);
});
