import { countTokens as countO200k } from 'gpt-tokenizer/encoding/o200k_base';
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

describe('countTokens of what would take a tokenizer minutes', () => {
  const cjk = Array.from({ length: 340_000 }, (_, index) =>
    String.fromCodePoint(0x4e00 + ((index * 7_919) % 20_000)),
  ).join('');
  // The test would not end within Jest's own limit if a run were tokenized whole.
  it.each([
    ['one letter', 'a'.repeat(1024 * 1024)],
    ['spaces', ' '.repeat(1024 * 1024)],
    ['signs', '='.repeat(1024 * 1024)],
    ['emoji', '\u{1f600}'.repeat(256 * 1024)],
    ['combining marks', 'e\u0301\u0302'.repeat(340_000)],
    ['Chinese', cjk],
  ])('ends with a count for a megabyte of %s', (_, text) => {
    expect(countTokens(text, 'gemma')).toBeGreaterThan(8_000);
  });

  it('stops counting above the number that matters, and estimates the rest', () => {
    const text = 'word '.repeat(200_000);
    const estimate = countTokens(text, 'o200k', 8_192);
    expect(Math.abs(estimate - 200_000)).toBeLessThan(2_000);
    expect(countTokens('word '.repeat(1_000), 'o200k', 8_192)).toBe(countTokens('word '.repeat(1_000), 'o200k'));
  });

  it('differs from the whole count of a long run by at most two tokens for each cut', () => {
    const text = 'abcdefghij'.repeat(100);
    const cuts = Math.ceil(text.length / 64);
    expect(Math.abs(countTokens(text, 'o200k') - countO200k(text))).toBeLessThanOrEqual(2 * cuts);
  });

  it('is within 3 % of the whole count for base64', () => {
    let state = 1;
    const bytes = Uint8Array.from({ length: 3_000 }, () => (state = (state * 48_271) % 2_147_483_647) & 255);
    const text = Buffer.from(bytes).toString('base64');
    const whole = countO200k(text);
    expect(Math.abs(countTokens(text, 'o200k') - whole)).toBeLessThan(whole * 0.03);
  });
});

describe('countPromptTokens', () => {
  it('adds the template around every message', () => {
    const message = { role: 'user' as const, content: 'hello world' };
    expect(countPromptTokens([message, message], 'o200k')).toBe(2 * (2 + 4));
  });
});
