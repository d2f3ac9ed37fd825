import { decideRotation, hashOf, newRefreshToken, successorOf, type RefreshTokenState } from './token-rotation.js';

const now = new Date('2026-11-21T12:00:00Z');
const before = (milliseconds: number) => new Date(now.getTime() - milliseconds);

const fresh = (state: Partial<RefreshTokenState> = {}): RefreshTokenState => ({
  expiresAt: new Date(now.getTime() + 60_000),
  usedAt: null,
  revokedAt: null,
  ...state,
});

describe('a refresh token', () => {
  it.each<[string, RefreshTokenState, RefreshTokenState | null, string]>([
    ['rotates at its first use', fresh(), null, 'rotate'],
    ['repeats its successor within 10 s', fresh({ usedAt: before(10_000) }), fresh(), 'repeat'],
    ['is reused after 10 s', fresh({ usedAt: before(10_001) }), fresh(), 'reused'],
    [
      'is reused once its successor was used, however soon',
      fresh({ usedAt: before(1) }),
      fresh({ usedAt: now }),
      'reused',
    ],
    ['is reused when its successor was revoked', fresh({ usedAt: before(1) }), fresh({ revokedAt: now }), 'reused'],
    [
      'is reused when its successor is unknown, as after a change of keys',
      fresh({ usedAt: before(1) }),
      null,
      'reused',
    ],
    ['is invalid when revoked', fresh({ revokedAt: before(1) }), null, 'invalid'],
    ['is invalid at the moment it expires', fresh({ expiresAt: now }), null, 'invalid'],
    ['is invalid, not reused, when used and expired', fresh({ usedAt: before(1), expiresAt: now }), fresh(), 'invalid'],
  ])('%s', (_name, token, successor, expected) => {
    expect(decideRotation(token, successor, now)).toBe(expected);
  });

  it('has 256 random bits behind a prefix that secret scanners know', () => {
    expect(newRefreshToken()).toMatch(/^tgr_[\w-]{43}$/);
    expect(newRefreshToken()).not.toBe(newRefreshToken());
  });

  it('has one successor, which nobody computes without the secret', () => {
    const token = newRefreshToken();
    const secret = Buffer.alloc(32, 1);
    expect(successorOf(token, secret)).toMatch(/^tgr_[\w-]{43}$/);
    expect(successorOf(token, secret)).toBe(successorOf(token, secret));
    expect(successorOf(token, secret)).not.toBe(successorOf(token, Buffer.alloc(32, 2)));
    expect(hashOf(token)).toHaveLength(32);
  });
});
