import type { Database, Prisma } from '@tollgate/database';
import { currentRequest } from '@tollgate/observability';
import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';

export interface AuditedChange {
  /** Noun and verb: `api_key.create`. */
  action: string;
  /** Kind and id of what was changed: `api_key:…`. */
  subject: string;
  /** The account that it concerns. */
  accountId?: string;
  /** Plain JSON, without secrets. */
  before?: Prisma.InputJsonValue;
  after?: Prisma.InputJsonValue;
}

/** Who changed what: in the transaction of the change itself, so that neither is there without the other. */
@Injectable()
export class AuditLog {
  async record(tx: Prisma.TransactionClient | Database, change: AuditedChange): Promise<void> {
    const request = currentRequest();
    const { action, subject, accountId, before, after } = change;
    await tx.auditEntry.create({
      data: {
        id: uuidv7(),
        actorUserId: request?.caller?.user_id ?? null,
        requestId: request?.requestId ?? uuidv7(),
        action,
        subject,
        accountId: accountId ?? null,
        ...(before !== undefined && { before }),
        ...(after !== undefined && { after }),
      },
    });
  }
}
