import { OpenAiChatRequest, type CompletionPart } from '@tollgate/contracts';
import { ChunkWriter, toChatCompletion } from './completion-answer.js';
import { completionRequestOf } from './completion-request.js';

const messages = [{ role: 'user', content: 'Hello' }];
const parse = (body: object) => completionRequestOf(OpenAiChatRequest.parse({ messages, ...body }));
const usage = { input_tokens: 5, cached_tokens: 2, output_tokens: 3, reasoning_tokens: 3, source: 'provider' as const };
const end = {
  type: 'end' as const,
  model: 'm',
  provider: 'p',
  finish_reason: 'tool_calls' as const,
  usage,
  attempts: 1,
  metadata: { model_used: 'm', reason: 'requested' as const, failed_attempts: [] },
};

describe("a request of OpenAI's", () => {
  it('keeps roles, parts, calls and results of functions', () => {
    const call = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } };
    const { messages: sent } = parse({
      messages: [
        { role: 'developer', content: 'Be brief.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'one' },
            { type: 'text', text: 'two' },
          ],
        },
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', content: 'done', tool_call_id: 'call_1' },
      ],
    });
    expect(sent).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'one\ntwo' },
      { role: 'assistant', content: '', tool_calls: [call] },
      { role: 'tool', content: 'done', tool_call_id: 'call_1' },
    ]);
  });

  it('takes the newer of two names, one stop or several, and null for nothing', () => {
    expect(parse({ max_tokens: 5, max_completion_tokens: 9 }).max_tokens).toBe(9);
    expect(parse({ stop: 'END' }).stop).toEqual(['END']);
    expect(parse({ stop: null, temperature: null, tools: null, response_format: null })).toEqual(parse({}));
    expect(parse({ use_cache: false }).cache).toEqual({ use: false });
    expect(parse({}).cache).toBeUndefined();
  });

  it.each([
    ['n', { n: 2 }],
    ['logprobs', { logprobs: true }],
    ['messages', { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }] }],
  ])('is refused where it asks for what there is not: %s', (_, body) => {
    expect(OpenAiChatRequest.safeParse({ messages, ...body }).success).toBe(false);
  });
});

describe("an answer in OpenAI's shape", () => {
  const parts: CompletionPart[] = [
    { type: 'start', model: 'm', provider: 'p' },
    { type: 'delta', text: 'Hi' },
    { type: 'tool_call', index: 0, id: 'call_1', name: 'f', arguments: '{"a"' },
    { type: 'tool_call', index: 0, arguments: ':1}' },
    end,
  ];
  const identity = { id: 'chatcmpl-1', created: 1 };

  it('streams role, text, pieces of calls with their index, the reason, and usage only when asked', () => {
    const writer = new ChunkWriter(identity, true);
    const chunks = parts.flatMap((part) => writer.chunksOf(part));
    expect(chunks.map(({ choices: [choice] }) => choice?.delta)).toEqual([
      { role: 'assistant', content: '' },
      { content: 'Hi' },
      { tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'f', arguments: '{"a"' } }] },
      { tool_calls: [{ index: 0, function: { arguments: ':1}' } }] },
      {},
      undefined,
    ]);
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('tool_calls');
    expect(chunks.map((chunk) => chunk.usage?.total_tokens ?? null)).toEqual([null, null, null, null, null, 8]);
    const plain = new ChunkWriter(identity, false);
    expect(parts.flatMap((part) => plain.chunksOf(part)).some((chunk) => 'usage' in chunk)).toBe(false);
  });

  it('has null for the content of a message that only calls', () => {
    const { type: _, ...rest } = end;
    const calls = [{ id: 'call_1', type: 'function' as const, function: { name: 'f', arguments: '{}' } }];
    const answer = toChatCompletion({ ...rest, content: '', tool_calls: calls }, identity);
    expect(answer.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: { content: null, tool_calls: calls },
    });
    expect(toChatCompletion({ ...rest, content: '' }, identity).choices[0]?.message.content).toBe('');
    expect(answer.usage).toEqual({
      prompt_tokens: 5,
      completion_tokens: 3,
      total_tokens: 8,
      prompt_tokens_details: { cached_tokens: 2 },
      completion_tokens_details: { reasoning_tokens: 3 },
    });
  });
});
