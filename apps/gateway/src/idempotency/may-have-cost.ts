import type { AppError, ErrorCode } from '@tollgate/contracts';

/** After these a model may have answered, and the answer may stand in the ledger. */
const afterTheStart = new Set<ErrorCode>([
  'cancelled',
  'deadline_exceeded',
  'internal',
  'replica_lost',
  'reply_lost',
  'shutting_down',
  'unavailable',
]);

/** Every other error comes before a provider was asked, or ends attempts that are charged nothing. */
export function mayHaveCost({ code }: AppError): boolean {
  return afterTheStart.has(code);
}
