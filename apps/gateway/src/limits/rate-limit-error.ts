import { AppError } from '@tollgate/contracts';

/** A 429 with the numbers that the documents promise: `limit` and `retry_after`. */
export function rateLimitExceeded(message: string, refused: RefusedBy): AppError {
  const { limit, limitName, waitMs, tier, isWorthRetrying = true } = refused;
  const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1_000));
  return new AppError('rate_limit_exceeded', message, {
    retryAfterSeconds,
    retryable: isWorthRetrying,
    details: { limit, limit_name: limitName, retry_after: retryAfterSeconds, ...(tier !== undefined && { tier }) },
  });
}

interface RefusedBy {
  limit: number;
  limitName: string;
  waitMs: number;
  tier?: string;
  /** SDKs take a wait of more than a minute for a mistake and try again at once: they are told not to. */
  isWorthRetrying?: boolean;
}
