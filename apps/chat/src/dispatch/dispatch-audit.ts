import type { Prisma } from '@tollgate/database';
import { createHash } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';

interface Audited {
  id: string;
  accountId: string;
  requestId: string;
  schemaName: string;
  schemaVersion: number;
  url: string;
  body: string;
  state: string;
  attempts?: number;
  lastStatus?: number | null;
}

/** What happened to a dispatch, for the audit log. It outlives the text, so it has only the hash of that. */
export function auditOf(
  dispatch: Audited,
  { action, actorUserId }: { action: string; actorUserId: string | null },
): Prisma.AuditEntryCreateInput {
  const { id, accountId, requestId, schemaName, schemaVersion, url, body, state, attempts = 0, lastStatus } = dispatch;
  return {
    id: uuidv7(),
    actorUserId,
    requestId,
    action,
    subject: `chat_dispatch:${id}`,
    accountId,
    after: {
      schema: `${schemaName}@${schemaVersion}`,
      // Without its query, which may hold a key.
      url: url.replace(/[?#].*$/, ''),
      body_sha256: createHash('sha256').update(body).digest('hex'),
      state,
      attempts,
      status: lastStatus ?? null,
    },
  };
}
