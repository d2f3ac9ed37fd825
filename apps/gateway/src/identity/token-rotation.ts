import { createHash, createHmac, randomBytes } from 'node:crypto';

/*
 * A refresh token is used once: using it issues its successor. Whoever stole one will sooner or later use a token that the
 * owner has used already, or the owner will; either way the whole family (one login) is revoked.
 *
 * Two tabs of one browser use the same token at nearly the same time, and so does a client that lost the answer. So the
 * token that was rotated last may be used again for a few seconds and gives the same successor. No copy is kept for that:
 * the successor is an HMAC of its predecessor, under a secret of this server. Older ancestors have no such grace.
 */

const PREFIX = 'tgr_';
const TOKEN_BYTES = 32;
const GRACE_MS = 10_000;

export interface RefreshTokenState {
  expiresAt: Date;
  usedAt: Date | null;
  revokedAt: Date | null;
}

/** `repeat` hands out the successor that exists already; `reused` is a theft, or as good as one. */
export type Rotation = 'rotate' | 'repeat' | 'invalid' | 'reused';

export function decideRotation(token: RefreshTokenState, successor: RefreshTokenState | null, now: Date): Rotation {
  if (token.revokedAt || token.expiresAt <= now) return 'invalid';
  if (!token.usedAt) return 'rotate';
  const isSuccessorFresh = successor !== null && !successor.usedAt && !successor.revokedAt;
  const isInGrace = now.getTime() - token.usedAt.getTime() <= GRACE_MS;
  return isSuccessorFresh && isInGrace ? 'repeat' : 'reused';
}

export function newRefreshToken(): string {
  return PREFIX + randomBytes(TOKEN_BYTES).toString('base64url');
}

export function successorOf(token: string, secret: Buffer): string {
  return PREFIX + createHmac('sha256', secret).update(token).digest('base64url');
}

/** What the database knows of a token. A fast hash is right for 256 random bits. */
export function hashOf(token: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash('sha256').update(token).digest());
}
