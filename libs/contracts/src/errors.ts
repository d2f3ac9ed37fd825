/**
 * The closed table of everything that can go wrong in a way a client may see.
 *
 * `status` is the HTTP status, `type` the class that OpenAI's clients read from `error.type`, `retryable` says whether the
 * same request may succeed later without a change. docs/errors.md is tested against this table.
 */
export const errorTable = {
  invalid_request: {
    status: 400,
    type: 'invalid_request_error',
    retryable: false,
    meaning: 'A field of the request is missing or wrong; `param` names it.',
  },
  context_length_exceeded: {
    status: 400,
    type: 'invalid_request_error',
    retryable: false,
    meaning: "The prompt does not fit the model's context window; `detail` has the numbers.",
  },
  unauthenticated: {
    status: 401,
    type: 'authentication_error',
    retryable: false,
    meaning: 'No access token, or one that is not valid.',
  },
  token_expired: {
    status: 401,
    type: 'authentication_error',
    retryable: false,
    meaning: 'The access token has expired; refresh it.',
  },
  invalid_credentials: {
    status: 401,
    type: 'authentication_error',
    retryable: false,
    meaning: 'Unknown email or wrong password.',
  },
  invalid_refresh_token: {
    status: 401,
    type: 'authentication_error',
    retryable: false,
    meaning: 'The refresh token is unknown, expired, revoked or already used; log in again.',
  },
  insufficient_quota: {
    status: 402,
    type: 'insufficient_quota',
    retryable: false,
    meaning:
      "The plan's tokens of the month or calls of the day are used up; `detail` has the limit, what is used and held, and when it resets.",
  },
  forbidden: { status: 403, type: 'permission_error', retryable: false, meaning: 'The caller may not do this.' },
  account_suspended: {
    status: 403,
    type: 'permission_error',
    retryable: false,
    meaning: 'The account is suspended, or its user disabled; whoever runs the account or the platform can say why.',
  },
  model_not_allowed: {
    status: 403,
    type: 'permission_error',
    retryable: false,
    meaning: "The caller's plan does not include this model.",
  },
  not_found: {
    status: 404,
    type: 'not_found_error',
    retryable: false,
    meaning: 'No such route or object (or it belongs to another account).',
  },
  model_not_found: {
    status: 404,
    type: 'not_found_error',
    retryable: false,
    meaning: 'No model of this name is configured.',
  },
  email_taken: {
    status: 409,
    type: 'invalid_request_error',
    retryable: false,
    meaning: 'An account with this email exists.',
  },
  session_busy: {
    status: 409,
    type: 'invalid_request_error',
    retryable: true,
    meaning: 'Another message of this chat session is being answered; retry after the time given.',
  },
  request_timeout: {
    status: 408,
    type: 'invalid_request_error',
    retryable: true,
    meaning: 'The client took too long to send its request.',
  },
  payload_too_large: {
    status: 413,
    type: 'invalid_request_error',
    retryable: false,
    meaning: 'The body or message is larger than the limit.',
  },
  unsupported_media_type: {
    status: 415,
    type: 'invalid_request_error',
    retryable: false,
    meaning: 'The content-type is not application/json.',
  },
  invalid_structured_output: {
    status: 422,
    type: 'api_error',
    retryable: false,
    meaning:
      "The model's answer was not the JSON that was asked for, also after asking again; `detail` says what was wrong and has the last text.",
  },
  idempotency_in_progress: {
    status: 409,
    type: 'idempotency_error',
    retryable: true,
    meaning: 'The first request with this Idempotency-Key is still running; its answer can be had later.',
  },
  idempotency_key_reused: {
    status: 422,
    type: 'idempotency_error',
    retryable: false,
    meaning: 'This Idempotency-Key was used with another route or body within 24 hours.',
  },
  rate_limit_exceeded: {
    status: 429,
    type: 'rate_limit_error',
    retryable: true,
    meaning:
      'More requests than the plan, the account or the address may make; `limit` and `retry_after` say how many and when.',
  },
  headers_too_large: {
    status: 431,
    type: 'invalid_request_error',
    retryable: false,
    meaning: 'The headers of the request are more, or larger, than the limit.',
  },
  cancelled: {
    status: 499,
    type: 'api_error',
    retryable: false,
    meaning: 'The client went away before the answer was complete.',
  },
  internal: {
    status: 500,
    type: 'api_error',
    retryable: false,
    meaning: 'A defect in Tollgate; the request id finds it in the logs.',
  },
  provider_error: {
    status: 502,
    type: 'api_error',
    retryable: true,
    meaning: 'The model provider failed or answered nonsense, and no fallback could serve the request.',
  },
  replica_lost: {
    status: 503,
    type: 'api_error',
    retryable: true,
    meaning:
      'The process that ran the request has died; `detail.started` is true, so it may have cost something. It was not run again.',
  },
  reply_lost: {
    status: 502,
    type: 'api_error',
    retryable: true,
    meaning: 'Part of the answer was lost between services; the request may have run.',
  },
  no_model_available: {
    status: 503,
    type: 'api_error',
    retryable: true,
    meaning: 'No model that this plan may use can be reached now.',
  },
  overloaded: {
    status: 503,
    type: 'api_error',
    retryable: true,
    meaning: 'The queue of the service is full; retry after the time given.',
  },
  unavailable: {
    status: 503,
    type: 'api_error',
    retryable: true,
    meaning: 'A dependency (Redis, Postgres) cannot be reached.',
  },
  shutting_down: {
    status: 503,
    type: 'api_error',
    retryable: true,
    meaning: 'The process is stopping; another replica will answer.',
  },
  deadline_exceeded: {
    status: 504,
    type: 'api_error',
    retryable: true,
    meaning: 'The request did not finish within its deadline.',
  },
} as const satisfies Record<string, ErrorDefinition>;

export type ErrorCode = keyof typeof errorTable;
export const errorCodes = Object.keys(errorTable) as [ErrorCode, ...ErrorCode[]];

interface ErrorDefinition {
  status: number;
  type: string;
  retryable: boolean;
  meaning: string;
}

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(errorTable, value);
}
