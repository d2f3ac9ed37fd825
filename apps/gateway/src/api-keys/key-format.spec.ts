import { scrub } from '@tollgate/observability';
import { hashOf, isWellFormed, looksLikeKey, newKey, startOf } from './key-format.js';

describe('an API key', () => {
  it('is well-formed, of one length, and another one each time', () => {
    const keys = Array.from({ length: 200 }, newKey);
    expect(new Set(keys).size).toBe(200);
    for (const key of keys) {
      expect(key).toMatch(/^tg_live_[0-9A-Za-z]{49}$/);
      expect(isWellFormed(key)).toBe(true);
    }
  });

  it('with any one character changed is known to be wrong without a database', () => {
    const key = newKey();
    for (let at = 'tg_live_'.length; at < key.length; at += 1) {
      const other = key[at] === 'a' ? 'b' : 'a';
      expect(isWellFormed(key.slice(0, at) + other + key.slice(at + 1))).toBe(false);
    }
    for (const text of ['', 'tg_live_', `${key}x`, key.slice(1), key.toLowerCase()])
      expect(isWellFormed(text)).toBe(false);
  });

  it('is told from a JWT, and never stands in a log', () => {
    const key = newKey();
    expect(looksLikeKey(key)).toBe(true);
    expect(looksLikeKey('eyJhbGciOiJFUzI1NiJ9.e30.x')).toBe(false);
    expect(scrub(`with ${key} in it`)).toBe('with [redacted] in it');
    expect(key.startsWith(startOf(key))).toBe(true);
    expect(hashOf(key)).toHaveLength(32);
  });
});
