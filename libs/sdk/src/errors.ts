import { errorCodes } from './shapes.js';

/** The closed table of the gateway (docs/errors.md), and what only a client can see. */
export type ErrorCode = (typeof errorCodes)[number];
export type ClientErrorCode = 'connection_failed' | 'timed_out' | 'stream_cut';

interface TollgateErrorOptions {
  /** HTTP status; undefined when there was no answer, or the error came inside a stream. */
  status?: number;
  param?: string | null;
  /** Facts about the error, as docs/errors.md lists them. */
  detail?: unknown;
  requestId?: string;
  retryAfterSeconds?: number;
  cause?: unknown;
}

/** Everything that a call of the SDK fails with, but an abort: that is the reason of its AbortSignal. Switch over `code`. */
export class TollgateError extends Error {
  override readonly name = 'TollgateError';
  readonly status: number | undefined;
  readonly param: string | null;
  readonly detail: unknown;
  /** Finds the request in the logs of the gateway. */
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    readonly code: ErrorCode | ClientErrorCode,
    message: string,
    options: TollgateErrorOptions = {},
  ) {
    super(message, { cause: options.cause });
    this.status = options.status;
    this.param = options.param ?? null;
    this.detail = options.detail;
    this.requestId = options.requestId;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** The body of an answer that is not 2xx, or an event of a stream, as an error; undefined when it is none. */
export function errorOf(body: unknown, status?: number): TollgateError | undefined {
  const { error, detail, request_id: requestId, retry_after: retryAfter } = members(body);
  if (typeof error !== 'object' || error === null) return undefined;
  const { message, code, param } = members(error);
  return new TollgateError(codeOf(code), textOf(message) ?? `The gateway answered ${status ?? 'with an error'}.`, {
    status,
    param: textOf(param) ?? null,
    detail,
    requestId: textOf(requestId),
    retryAfterSeconds: typeof retryAfter === 'number' ? retryAfter : undefined,
  });
}

/** A gateway that is newer than this client may have codes that it does not know. */
function codeOf(code: unknown): ErrorCode {
  return errorCodes.find((known) => known === code) ?? 'internal';
}

function members(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
