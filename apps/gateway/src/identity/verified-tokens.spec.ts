import type { Caller } from '@tollgate/contracts';
import { VerifiedTokens } from './verified-tokens.js';

const caller: Caller = { account_id: 'a', user_id: 'u', tier: 'free', role: 'user' };

describe('verified tokens', () => {
  it('are forgotten in the millisecond in which they expire', () => {
    let now = 0;
    const tokens = new VerifiedTokens(() => now);
    tokens.add('token', caller, 1_000);
    now = 999;
    expect(tokens.get('token')).toBe(caller);
    now = 1_000;
    expect(tokens.get('token')).toBeUndefined();
    now = 0;
    expect(tokens.get('token')).toBeUndefined();
  });

  it('are ten thousand at most, and the least recently used goes first', () => {
    const tokens = new VerifiedTokens(() => 0);
    for (let index = 0; index < 10_000; index += 1) tokens.add(`token ${index}`, caller, 1);
    expect(tokens.get('token 0')).toBe(caller);
    tokens.add('one more', caller, 1);
    expect(tokens.get('token 0')).toBe(caller);
    expect(tokens.get('token 1')).toBeUndefined();
    expect(tokens.get('one more')).toBe(caller);
  });
});
