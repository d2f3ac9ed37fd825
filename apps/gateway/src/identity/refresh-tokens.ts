import { AppError } from '@tollgate/contracts';
import { asService, Database, type Prisma } from '@tollgate/database';
import { Logger } from '@tollgate/observability';
import { Inject, Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { AuthEvents } from './auth-events.js';
import type { UserWithAccount } from './create-user.js';
import { IDENTITY_OPTIONS, type IdentityOptions } from './identity-options.js';
import { SigningKeys } from './signing-keys.js';
import { decideRotation, hashOf, newRefreshToken, successorOf } from './token-rotation.js';

interface Rotated {
  token: string;
  user: UserWithAccount;
}

const SUCCESSOR_PURPOSE = 'tollgate refresh token successor v1';
// Many tabs or a client gone wild wait for one user's lock; they are answered, not refused.
const patience = { maxWait: 10_000, timeout: 10_000 };

/** Opaque tokens that rotate; token-rotation.ts says how. */
@Injectable()
export class RefreshTokens {
  constructor(
    @Inject(IDENTITY_OPTIONS) private readonly options: IdentityOptions,
    private readonly database: Database,
    private readonly logger: Logger,
    private readonly keys: SigningKeys,
    private readonly events: AuthEvents,
  ) {}

  get ttlSeconds(): number {
    return this.options.refreshTokenTtlSeconds;
  }

  /** The first token of a new family. */
  async start(userId: string): Promise<string> {
    const token = newRefreshToken();
    const data = this.row(token, userId, uuidv7());
    await asService(() => this.database.refreshToken.create({ data }));
    return token;
  }

  /** Raises `invalid_refresh_token`; revokes the family when the token had been used before. */
  async rotate(token: string): Promise<Rotated> {
    // Decided inside, thrown outside: an error would roll the revocation back.
    const rotated = await asService(() => this.database.$transaction((tx) => this.rotateLocked(tx, token), patience));
    if (rotated) return rotated;
    throw new AppError('invalid_refresh_token', 'The refresh token is not valid any more; log in again.');
  }

  /** Ends the family of a token; an unknown one is no error. */
  async revoke(token: string): Promise<void> {
    const revokeLocked = async (tx: Prisma.TransactionClient) => {
      if (!(await lockOwner(tx, token))) return;
      const where = { tokenHash: hashOf(token), revokedAt: null };
      const known = await tx.refreshToken.findUnique({ where, include: { user: true } });
      if (!known) return;
      await revokeFamily(tx, known.familyId);
      await this.events.record('auth.logout', known.user, tx);
    };
    await asService(() => this.database.$transaction(revokeLocked, patience));
  }

  private async rotateLocked(tx: Prisma.TransactionClient, token: string): Promise<Rotated | undefined> {
    if (!(await lockOwner(tx, token))) return undefined;
    const where = { tokenHash: hashOf(token) };
    const current = await tx.refreshToken.findUnique({ where, include: { user: { include: { account: true } } } });
    if (!current) return undefined;
    const { successor, next } = await this.successorOf(tx, token);
    const now = new Date();
    const rotation = decideRotation(current, next, now);
    switch (rotation) {
      case 'rotate':
        await tx.refreshToken.update({ where: { id: current.id }, data: { usedAt: now } });
        await tx.refreshToken.create({ data: this.row(successor, current.userId, current.familyId) });
        await this.events.record('auth.refresh', current.user, tx);
        return { token: successor, user: current.user };
      case 'repeat':
        return { token: successor, user: current.user };
      case 'reused':
        await revokeFamily(tx, current.familyId);
        await this.events.record('auth.refresh_reused', current.user, tx);
        this.logger.warn('A refresh token was used twice; its family is revoked.', {
          security_event: 'refresh_token_reuse',
          user_id: current.userId,
          family_id: current.familyId,
        });
        return undefined;
      case 'invalid':
        return undefined;
      default:
        return rotation satisfies never;
    }
  }

  /** The successor that exists already, whichever key it was derived from, else the one to be made. */
  private async successorOf(tx: Prisma.TransactionClient, token: string) {
    const successors = this.keys.all.map((key) => successorOf(token, key.deriveSecret(SUCCESSOR_PURPOSE)));
    for (const successor of successors) {
      const next = await tx.refreshToken.findUnique({ where: { tokenHash: hashOf(successor) } });
      if (next) return { successor, next };
    }
    return { successor: successors[0] ?? '', next: null };
  }

  private row(token: string, userId: string, familyId: string) {
    const expiresAt = new Date(Date.now() + this.ttlSeconds * 1_000);
    return { id: uuidv7(), userId, familyId, tokenHash: hashOf(token), expiresAt };
  }
}

/**
 * One user's rotations and revocations take turns. The lock is on the user, not the token: two tokens of one family
 * would otherwise be rotated and revoked at once, and a successor would outlive its family.
 */
async function lockOwner(tx: Prisma.TransactionClient, token: string): Promise<boolean> {
  const owners = await tx.$queryRaw<{ id: string }[]>`
    SELECT id FROM app_user
    WHERE id = (SELECT user_id FROM refresh_token WHERE token_hash = ${hashOf(token)})
    FOR NO KEY UPDATE`;
  return owners.length > 0;
}

async function revokeFamily(tx: Prisma.TransactionClient, familyId: string): Promise<void> {
  await tx.refreshToken.updateMany({ where: { familyId, revokedAt: null }, data: { revokedAt: new Date() } });
}
