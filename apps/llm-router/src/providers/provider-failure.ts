import type { FailureCategory } from '@tollgate/contracts';

/**
 * Who may be asked after a failure: `retry` is anybody, the same model too; `elsewhere` is another model, because this one
 * will fail for everybody; `refused` is nobody, because the request itself is wrong.
 */
export type Verdict = 'retry' | 'elsewhere' | 'refused';

interface FailureFacts {
  category: FailureCategory;
  verdict: Verdict;
  /** Of the answer, where there was one. */
  status?: number;
  /** The provider's own wish, when it said one. */
  retryAfterMs?: number;
  /** What the provider said. It may repeat the prompt or our key: it is read, but neither told nor logged. */
  body?: string;
  cause?: unknown;
}

/** Why an attempt failed, inside this service; its message names the provider and what it did, and may be shown. */
export class ProviderFailure extends Error {
  override readonly name = 'ProviderFailure';
  readonly category: FailureCategory;
  readonly verdict: Verdict;
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;
  readonly body: string | undefined;

  constructor(message: string, facts: FailureFacts) {
    super(message, { cause: facts.cause });
    this.category = facts.category;
    this.verdict = facts.verdict;
    this.status = facts.status;
    this.retryAfterMs = facts.retryAfterMs;
    this.body = facts.body;
  }
}

/** The status of an answer that is an error, as what it means for the next attempt. */
export function failureOfStatus(status: number): Pick<FailureFacts, 'category' | 'verdict' | 'status'> {
  if (status === 429) return { category: 'rate_limit', verdict: 'retry', status };
  if (status === 408 || status === 504) return { category: 'timeout', verdict: 'retry', status };
  if (status >= 500 || status === 409 || status === 425) return { category: 'api_error', verdict: 'retry', status };
  // A wrong key, an empty account, a model that is not there: nobody's request can succeed here.
  if ([401, 402, 403, 404].includes(status)) return { category: 'api_error', verdict: 'elsewhere', status };
  return { category: 'api_error', verdict: 'refused', status };
}

/** `retry-after-ms`, or `retry-after` in seconds or as a date; undefined when neither makes sense. */
export function retryAfterMsOf(headers: Record<string, unknown>, nowMs: number): number | undefined {
  const milliseconds = numberIn(headers['retry-after-ms']);
  if (milliseconds !== undefined) return milliseconds;
  const seconds = numberIn(headers['retry-after']);
  if (seconds !== undefined) return seconds * 1000;
  const { 'retry-after': text } = headers;
  const date = typeof text === 'string' ? Date.parse(text) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

function numberIn(header: unknown): number | undefined {
  return typeof header === 'string' && /^\d+(\.\d+)?$/.test(header.trim()) ? Number(header) : undefined;
}
