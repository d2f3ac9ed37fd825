import { OpenAiAnswer } from './openai-answer.js';
import type { ProviderEvent } from './provider.js';

function read(...chunks: unknown[]): { events: ProviderEvent[]; end: ProviderEvent | undefined } {
  const answer = new OpenAiAnswer();
  return { events: chunks.flatMap((chunk) => answer.read(JSON.stringify(chunk))), end: answer.end() };
}
const delta = (fields: object, finish_reason: string | null = null) => ({
  choices: [{ delta: fields, finish_reason }],
});
const call = (fields: object) => delta({ tool_calls: [fields] });

describe('chunks of an answer', () => {
  it('have calls without ids and indexes put in order, each with an id of its own', () => {
    const { events, end } = read(
      call({ function: { name: 'a', arguments: '{"x":' } }),
      call({ function: { arguments: '1}' } }),
      call({ id: '', function: { name: 'b', arguments: '{}' } }),
      delta({}, 'stop'),
    );
    expect(events).toEqual([
      { type: 'tool_call', index: 0, id: expect.stringMatching(/^call_/), name: 'a', arguments: '{"x":' },
      { type: 'tool_call', index: 0, arguments: '1}' },
      { type: 'tool_call', index: 1, id: expect.stringMatching(/^call_/), name: 'b', arguments: '{}' },
    ]);
    expect(end).toEqual({ type: 'end', finishReason: 'tool_calls' });
  });

  it('keep the ids and indexes that the provider gave', () => {
    const { events } = read(
      call({ index: 1, id: 'x', function: { name: 'b', arguments: null } }),
      call({ index: 0, id: 'y', function: { name: 'a' } }),
    );
    expect(events).toMatchObject([
      { index: 1, id: 'x', arguments: '' },
      { index: 0, id: 'y' },
    ]);
  });

  it.each([
    ['stop', 'stop'],
    ['length', 'length'],
    ['content_filter', 'content_filter'],
    ['function_call', 'tool_calls'],
    ['eos', 'stop'],
  ])('that end with %s end with %s', (said, finishReason) => {
    expect(read(delta({}, said)).end).toEqual({ type: 'end', finishReason });
  });

  it('may lack, repeat and null everything that is not needed', () => {
    const { events, end } = read(
      { id: 'x', choices: null },
      { choices: [], usage: null },
      { choices: [{ delta: null, finish_reason: null }] },
      { error: null, ...delta({ content: null, reasoning: null, tool_calls: null }) },
      delta({ content: 'Hi' }, 'stop'),
      { choices: [], usage: { prompt_tokens: 3, completion_tokens: 1, prompt_tokens_details: null } },
    );
    expect(events).toEqual([
      { type: 'delta', text: 'Hi' },
      { type: 'usage', usage: { input: 3, cached: undefined, output: 1 } },
    ]);
    expect(end).toBeDefined();
  });

  it('count nothing on nonsensical counts', () => {
    const usage = { prompt_tokens: -5, completion_tokens: 1.5, prompt_cache_hit_tokens: '7' };
    expect(read({ choices: [], usage }).events).toEqual([
      { type: 'usage', usage: { input: undefined, cached: undefined, output: undefined } },
    ]);
  });

  it.each([
    ['{"error":{"message":"x"}}'],
    ['{"error":"x"}'],
    ['{"object":"error","message":"x"}'],
    ['{"choices":5}'],
    ['{"choices":[{"delta":{},"finish_reason":"insufficient_system_resource"}]}'],
    ['{"choices":[{"delta":{},"finish_reason":"abort"}]}'],
    ['[]'],
    ['null'],
    ['{'],
  ])('are none: %s', (data) => {
    expect(() => new OpenAiAnswer().read(data)).toThrow('no part of an answer');
  });

  it('have no end before a finish reason', () => {
    expect(read(delta({ content: 'Hi' })).end).toBeUndefined();
  });
});
