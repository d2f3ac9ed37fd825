import { countPromptTokens, countTokens } from './index.js';

describe('countTokens', () => {
  it('counts o200k exactly', () => {
    // Known encoding: "hello world" is [24912, 2375].
    expect(countTokens('hello world', 'o200k')).toBe(2);
    expect(countTokens('', 'o200k')).toBe(0);
  });

  it('counts more for families that split every digit', () => {
    const log = '2024-01-15 10:30:45 192.168.100.200 200 1234567890';
    expect(countTokens(log, 'gemma')).toBeGreaterThan(countTokens(log, 'llama3') * 1.3);
  });

  it('counts the text of a special token instead of failing on it', () => {
    expect(countTokens('<|endoftext|>', 'o200k')).toBeGreaterThan(1);
  });

  it('counts a text longer than one piece like the sum of its words', () => {
    const words = 60_000;
    const tokens = countTokens('token '.repeat(words), 'o200k');
    expect(Math.abs(tokens - words)).toBeLessThan(words * 0.01);
  });
});

describe('countPromptTokens', () => {
  it('adds the template around every message', () => {
    const message = { role: 'user' as const, content: 'hello world' };
    expect(countPromptTokens([message, message], 'o200k')).toBe(2 * (2 + 4));
  });
});
