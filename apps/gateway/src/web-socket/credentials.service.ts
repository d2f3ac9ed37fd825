import { AppError, type Caller } from '@tollgate/contracts';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { ApiKeyCallers } from '../api-keys/api-key-callers.js';
import { looksLikeKey } from '../api-keys/key-format.js';
import { parseJson } from '../http/parse-json.js';
import { Standings } from '../identity/standings.js';

/** With what a connection was opened; it must hold for as long as the connection does. */
export type Credential = { kind: 'key'; key: string } | { kind: 'token'; userId: string; expiresAtMs: number };

const Claims = z.object({ sub: z.uuid(), exp: z.number() });

/** Who stands behind a credential, now: a HTTP request is asked this once, a connection over and over. */
@Injectable()
export class Credentials {
  constructor(
    private readonly standings: Standings,
    private readonly apiKeys: ApiKeyCallers,
  ) {}

  /** @param token has been verified by the guard of the route that it came to */
  of(token: string): Credential {
    if (looksLikeKey(token)) return { kind: 'key', key: token };
    const { sub, exp } = Claims.parse(parseJson(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()));
    return { kind: 'token', userId: sub, expiresAtMs: exp * 1_000 };
  }

  /** Raises `token_expired` and `unauthenticated`; at most a second behind the database. */
  async callerOf(credential: Credential): Promise<Caller> {
    if (credential.kind === 'token') {
      if (isExpired(credential)) throw new AppError('token_expired', 'The access token has expired.');
      return this.standings.of(credential.userId);
    }
    const { caller, scopes } = await this.apiKeys.authenticate(credential.key);
    if (!scopes.includes('inference')) throw new AppError('forbidden', 'This API key lacks the scope "inference".');
    return caller;
  }

  /** Asks the database about many in two questions, so that {@link callerOf} need not ask for each. */
  async refresh(credentials: readonly Credential[]): Promise<void> {
    const keys = credentials.flatMap((credential) => (credential.kind === 'key' ? [credential.key] : []));
    const owners = await this.apiKeys.refresh([...new Set(keys)]);
    const users = credentials.flatMap((credential) => (credential.kind === 'token' ? [credential.userId] : []));
    await this.standings.refresh([...new Set([...users, ...owners])]);
  }
}

export function isExpired(credential: Credential): boolean {
  return credential.kind === 'token' && credential.expiresAtMs <= Date.now();
}

export function expiryOf(credential: Credential): string | null {
  return credential.kind === 'token' ? new Date(credential.expiresAtMs).toISOString() : null;
}
