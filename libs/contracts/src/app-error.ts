import { z } from 'zod';
import { isConnectionError } from './connection-error.js';
import { errorTable, isErrorCode, type ErrorCode } from './errors.js';
import { isUnstorableError } from './unstorable-error.js';

interface AppErrorOptions {
  /** What a developer needs and a client must not see. */
  cause?: unknown;
  /** The public `detail` of the error body; plain JSON. Defaults to the message. */
  details?: unknown;
  /** Path of the offending field, e.g. `messages.0.content`. */
  param?: string;
  /** When to try again, in seconds; becomes the Retry-After header. */
  retryAfterSeconds?: number;
  /** Overrides the table, e.g. when a usually retryable failure came after the first token. */
  retryable?: boolean;
}

/** How an AppError crosses the wire between services. */
export const WireError = z.object({
  code: z.string(),
  message: z.string(),
  details: z.unknown().optional(),
  param: z.string().optional(),
  retryAfterSeconds: z.number().optional(),
  retryable: z.boolean().optional(),
});
export type WireError = z.infer<typeof WireError>;

/**
 * The one error of Tollgate. `message` is public: it may be shown to a client as it is; what may not goes into `cause`.
 * Recognise it by `code`, never by instanceof: it may have crossed a process.
 */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly details: unknown;
  readonly param: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly retryable: boolean;

  constructor(
    readonly code: ErrorCode,
    publicMessage: string,
    options: AppErrorOptions = {},
  ) {
    super(publicMessage, { cause: options.cause });
    this.details = options.details;
    this.param = options.param;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.retryable = options.retryable ?? errorTable[code].retryable;
  }

  get status(): number {
    return errorTable[this.code].status;
  }

  get type(): string {
    return errorTable[this.code].type;
  }

  toWire(): WireError {
    const { code, message, details, param, retryAfterSeconds, retryable } = this;
    return { code, message, details, param, retryAfterSeconds, retryable };
  }

  static fromWire(wire: WireError): AppError {
    const { code, message, ...options } = wire;
    if (isErrorCode(code)) return new AppError(code, message, options);
    return new AppError('internal', 'An internal error occurred.', {
      cause: new Error(`unknown error code ${code}: ${message}`),
    });
  }

  /**
   * For every boundary: an AppError stays, a database or socket that cannot be reached becomes `unavailable`, a value that
   * no column can hold `invalid_request`, anything else (non-errors too) `internal`, with the original as cause.
   */
  static fromUnknown(thrown: unknown): AppError {
    if (isAppError(thrown)) return thrown;
    if (isConnectionError(thrown)) {
      return new AppError('unavailable', errorTable.unavailable.meaning, { cause: thrown, retryAfterSeconds: 1 });
    }
    if (isUnstorableError(thrown)) {
      const message = 'A text has a NUL character or half a surrogate pair, or a time is out of range.';
      return new AppError('invalid_request', message, { cause: thrown });
    }
    return new AppError('internal', 'An internal error occurred.', { cause: thrown });
  }
}

export function isAppError(thrown: unknown): thrown is AppError {
  return thrown instanceof Error && thrown.name === 'AppError' && 'code' in thrown && isErrorCode(thrown.code);
}

interface Issue {
  message: string;
  path?: readonly (PropertyKey | { key: PropertyKey })[] | undefined;
}

/** A failed schema check as a 400: names the first field in the message, all of them (FastAPI's shape) in `detail`. */
export function invalidRequest(issues: readonly Issue[], location = 'body'): AppError {
  const fields = issues.map((issue) => {
    const path = (issue.path ?? []).map((segment) => String(typeof segment === 'object' ? segment.key : segment));
    return { loc: [location, ...path], msg: issue.message, type: 'value_error', path: path.join('.') };
  });
  const first = fields[0];
  const param = first?.path || undefined;
  const message = first ? (param ? `${param}: ${first.msg}` : first.msg) : 'The request is not valid.';
  return new AppError('invalid_request', message, {
    param,
    details: fields.map(({ loc, msg, type }) => ({ loc, msg, type })),
  });
}
