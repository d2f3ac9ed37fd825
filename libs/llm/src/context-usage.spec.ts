import { contextLengthExceeded, contextUsage } from './index.js';

describe('contextUsage', () => {
  it.each([
    [0, 'normal'],
    [7_999, 'normal'],
    [8_000, 'warning'],
    [9_499, 'warning'],
    [9_500, 'error'],
    [9_999, 'error'],
    [10_000, 'exceeded'],
    [20_000, 'exceeded'],
  ])('puts %i of 10,000 tokens at level %s', (tokens, level) => {
    expect(contextUsage(tokens, 10_000).level).toBe(level);
  });
});

describe('contextLengthExceeded', () => {
  it('has the documented detail', () => {
    const error = contextLengthExceeded('gemma3:4b', contextUsage(9_500, 8_192));
    expect(error.status).toBe(400);
    expect(error.details).toEqual({
      error: 'context_length_exceeded',
      message: 'Input text is too long and would be truncated.',
      model: 'gemma3:4b',
      context_limit: 8192,
      estimated_tokens: 9500,
      usage_percent: 115.97,
    });
  });
});
