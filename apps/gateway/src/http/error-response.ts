import { AppError, errorCodes, isAppError, type ErrorCode } from '@tollgate/contracts';
import { HttpException } from '@nestjs/common';
import { z } from 'zod';

/**
 * The body of every answer that is not 2xx, and of an error inside a stream. `error` is what OpenAI's clients read,
 * `detail` what FastAPI's clients do.
 */
export const ErrorBody = z.object({
  error: z.object({
    message: z.string(),
    type: z.string(),
    param: z.string().nullable(),
    code: z.enum(errorCodes),
  }),
  detail: z.unknown(),
  request_id: z.string(),
  /** Seconds; the same as the Retry-After header. */
  retry_after: z.number().int().optional(),
  /** Of `rate_limit_exceeded`: how many are allowed. */
  limit: z.number().int().optional(),
});
export type ErrorBody = z.infer<typeof ErrorBody>;

const LimitDetails = z.object({ limit: z.number().int() });

export interface ErrorResponse {
  status: number;
  headers: Record<string, string>;
  body: ErrorBody;
}

export function errorResponse(error: AppError, requestId: string): ErrorResponse {
  const { code, message, status, type, param = null, details = message } = error;
  const retryAfter = error.retryAfterSeconds === undefined ? undefined : Math.ceil(error.retryAfterSeconds);
  const headers: Record<string, string> = {};
  if (retryAfter !== undefined) headers['retry-after'] = String(retryAfter);
  if (status === 429) headers['x-should-retry'] = String(error.retryable);
  else if (!error.retryable && sdksWouldRetry(status)) headers['x-should-retry'] = 'false';
  if (status === 401) headers['www-authenticate'] = challengeFor(code);
  return {
    status,
    headers,
    body: {
      error: { message, type, param, code },
      detail: details,
      request_id: requestId,
      ...(retryAfter !== undefined && { retry_after: retryAfter }),
      ...(code === 'rate_limit_exceeded' && LimitDetails.safeParse(details).data),
    },
  };
}

/** What Nest, Fastify, Prisma or a defect threw, as an error of the table. */
export function toAppError(thrown: unknown): AppError {
  if (isAppError(thrown)) return thrown;
  for (const code of codesOf(thrown)) {
    const known = fastifyErrors[code];
    if (known) return new AppError(known[0], known[1], { cause: thrown });
  }
  const status = thrown instanceof HttpException ? thrown.getStatus() : 500;
  const known = httpErrors[status];
  if (known) return new AppError(known[0], known[1], { cause: thrown });
  if (status >= 400 && status < 500)
    return new AppError('invalid_request', 'The request is not valid.', { cause: thrown });
  return AppError.fromUnknown(thrown);
}

const fastifyErrors: Record<string, [ErrorCode, string]> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['payload_too_large', 'The body is larger than the limit.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported_media_type', 'The content-type must be application/json.'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['invalid_request', 'The body is malformed JSON.'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['invalid_request', 'The body is empty; it must be JSON.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['invalid_request', 'The body is not as long as content-length says.'],
  FST_ERR_BAD_URL: ['invalid_request', 'The URL is malformed.'],
  FST_ERR_MAX_PARAM_LENGTH: ['invalid_request', 'A part of the URL is too long.'],
};

const httpErrors: Record<number, [ErrorCode, string]> = {
  401: ['unauthenticated', 'The request is not authenticated.'],
  403: ['forbidden', 'The caller may not do this.'],
  404: ['not_found', 'There is no such route.'],
  413: ['payload_too_large', 'The body is larger than the limit.'],
  415: ['unsupported_media_type', 'The content-type must be application/json.'],
  503: ['unavailable', 'The service cannot answer now.'],
};

/** The codes of an error and of everything that caused it. */
function codesOf(thrown: unknown): string[] {
  const codes: string[] = [];
  for (let error = thrown, depth = 0; error instanceof Error && depth < 5; error = error.cause, depth += 1) {
    if ('code' in error && typeof error.code === 'string') codes.push(error.code);
  }
  return codes;
}

function sdksWouldRetry(status: number): boolean {
  return status === 402 || status === 408 || status === 409 || status === 429 || status >= 500;
}

/** RFC 6750, section 3. */
function challengeFor(code: ErrorCode): string {
  const challenge = 'Bearer realm="tollgate"';
  if (code !== 'token_expired') return challenge;
  return `${challenge}, error="invalid_token", error_description="The access token has expired"`;
}
