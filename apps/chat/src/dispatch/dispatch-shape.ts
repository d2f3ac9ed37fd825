import type { ChatDispatch } from '@tollgate/contracts';
import type { ChatDispatch as ChatDispatchRow } from '@tollgate/database';

/** As its owner sees it: all but the secret. */
export function dispatchShape(row: ChatDispatchRow): ChatDispatch {
  return {
    dispatch_id: row.id,
    state: row.state,
    schema: { name: row.schemaName, version: row.schemaVersion },
    session_id: row.sessionId,
    url: row.url,
    data: JSON.parse(row.body),
    attempts: row.attempts,
    last_status: row.lastStatus,
    last_error: row.lastError,
    created_at: row.createdAt.toISOString(),
    finished_at: row.finishedAt?.toISOString() ?? null,
  };
}
