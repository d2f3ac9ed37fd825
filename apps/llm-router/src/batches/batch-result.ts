import type { BatchResult } from '@tollgate/contracts';

/** The result of a prompt without an answer. */
export function emptyResult(index: number, status: BatchResult['status']): BatchResult {
  return {
    index,
    status,
    response: null,
    model: null,
    finish_reason: null,
    usage: null,
    cache_hit: false,
    error: null,
  };
}
