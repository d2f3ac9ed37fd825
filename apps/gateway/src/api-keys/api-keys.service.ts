import { AppError, type ApiKeyScope, type Caller, type CreateApiKeyRequest } from '@tollgate/contracts';
import { Database, type ApiKey as ApiKeyRow } from '@tollgate/database';
import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { AuditLog } from '../admin/audit-log.js';
import { hashOf, newKey, startOf } from './key-format.js';
import type { ApiKey, ApiKeyList, CreatedApiKey } from '@tollgate/contracts';

const KEYS_OF_A_USER_MAX = 100;

@Injectable()
export class ApiKeys {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
  ) {}

  /** The caller's own; of the whole account for those who run it. */
  async list(caller: Caller): Promise<ApiKeyList> {
    const keys = await this.database.apiKey.findMany({
      where: { ...ownedBy(caller), revokedAt: null },
      orderBy: { id: 'desc' },
    });
    return { object: 'list', data: keys.map(described) };
  }

  async create(caller: Caller, { name, scopes, expires_at: expiresAt }: CreateApiKeyRequest): Promise<CreatedApiKey> {
    if (scopes.includes('admin') && caller.role !== 'admin') {
      throw new AppError('forbidden', 'The scope "admin" is for admins.', { param: 'scopes' });
    }
    if (expiresAt && Date.parse(expiresAt) <= Date.now()) {
      throw new AppError('invalid_request', 'expires_at: must be in the future', { param: 'expires_at' });
    }
    const living = await this.database.apiKey.count({ where: { userId: caller.user_id, revokedAt: null } });
    if (living >= KEYS_OF_A_USER_MAX) {
      throw new AppError('invalid_request', `A user has at most ${KEYS_OF_A_USER_MAX} API keys; delete one first.`);
    }
    const key = newKey();
    const row = await this.database.$transaction(async (tx) => {
      const created = await tx.apiKey.create({
        data: {
          id: uuidv7(),
          accountId: caller.account_id,
          userId: caller.user_id,
          name,
          start: startOf(key),
          keyHash: Uint8Array.from(hashOf(key)),
          scopes: [...new Set(scopes)],
          expiresAt: expiresAt ? new Date(expiresAt) : null,
        },
      });
      await this.audit.record(tx, {
        action: 'api_key.create',
        subject: `api_key:${created.id}`,
        accountId: caller.account_id,
        after: described(created),
      });
      return created;
    });
    return { ...described(row), key };
  }

  /** Effective on every replica within a second. Raises `not_found`, also for a key of somebody else. */
  async revoke(caller: Caller, id: string): Promise<void> {
    await this.database.$transaction(async (tx) => {
      const { count } = await tx.apiKey.updateMany({
        where: { id, ...ownedBy(caller), revokedAt: null },
        data: { revokedAt: new Date() },
      });
      if (count === 0) throw new AppError('not_found', 'There is no such API key.');
      await this.audit.record(tx, { action: 'api_key.revoke', subject: `api_key:${id}`, accountId: caller.account_id });
    });
  }
}

function ownedBy({ role, account_id: accountId, user_id: userId }: Caller) {
  return role === 'user' ? { accountId, userId } : { accountId };
}

function described(key: ApiKeyRow): ApiKey {
  return {
    id: key.id,
    object: 'api_key',
    name: key.name,
    start: key.start,
    scopes: key.scopes as ApiKeyScope[],
    user_id: key.userId,
    created_at: key.createdAt.toISOString(),
    expires_at: key.expiresAt?.toISOString() ?? null,
    last_used_at: key.lastUsedAt?.toISOString() ?? null,
  };
}
