import type { AuditEntryList } from '@tollgate/contracts';
import { Database, type Prisma } from '@tollgate/database';
import { currentRequest } from '@tollgate/observability';
import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { pageOf, type ListQuery } from './list-query.js';

export interface AuditedChange {
  /** Noun and verb: `api_key.create`. */
  action: string;
  /** Kind and id of what was changed: `api_key:…`. */
  subject: string;
  /** The account that it concerns. */
  accountId?: string;
  /** Who did it, where the request has no caller: at a sign-in. */
  actorUserId?: string;
  /** Plain JSON, without secrets. */
  before?: Prisma.InputJsonValue;
  after?: Prisma.InputJsonValue;
}

/** Who changed what: in the transaction of the change itself, so that neither is there without the other. */
@Injectable()
export class AuditLog {
  constructor(private readonly database: Database) {}

  async record(tx: Prisma.TransactionClient | Database, change: AuditedChange): Promise<void> {
    const request = currentRequest();
    const { action, subject, accountId, actorUserId, before, after } = change;
    await tx.auditEntry.create({
      data: {
        id: uuidv7(),
        actorUserId: actorUserId ?? request?.caller?.user_id ?? null,
        address: request?.address ?? null,
        requestId: request?.requestId ?? uuidv7(),
        action,
        subject,
        accountId: accountId ?? null,
        ...(before !== undefined && { before }),
        ...(after !== undefined && { after }),
      },
    });
  }
  /** The newest first. */
  async list({ limit, after, accountId }: ListQuery): Promise<AuditEntryList> {
    const rows = await this.database.auditEntry.findMany({
      where: { accountId, id: after === undefined ? undefined : { lt: after } },
      orderBy: { id: 'desc' },
      take: limit + 1,
    });
    const { data, ...page } = pageOf(rows, limit);
    return {
      object: 'list',
      data: data.map((entry) => ({
        id: entry.id,
        object: 'audit_entry',
        at: entry.at.toISOString(),
        actor_user_id: entry.actorUserId,
        address: entry.address,
        request_id: entry.requestId,
        action: entry.action,
        subject: entry.subject,
        account_id: entry.accountId,
        before: entry.before,
        after: entry.after,
      })),
      ...page,
    };
  }
}
