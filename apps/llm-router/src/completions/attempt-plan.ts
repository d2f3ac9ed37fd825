import { AppError, type CompletionMetadata } from '@tollgate/contracts';
import type { Candidate } from '../catalogue/candidates.js';
import type { ProviderFailure } from '../providers/provider-failure.js';

/** Over all models and providers of one request. */
export const ATTEMPTS_MAX = 3;

const BACKOFF_MS = 200;
const BACKOFF_MS_MAX = 5_000;

interface Plannable {
  id: string;
  provider: string;
}

/**
 * What the attempts of one request have come to, and what to try next.
 *
 * Each candidate is tried once, in their order, then those again that may do better; the last attempt prefers a provider
 * that has not failed yet. Only a provider that has failed is given time: exponential with full jitter
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter).
 */
export class AttemptPlan<Model extends Plannable> {
  private readonly failures: { model: Model; failure: ProviderFailure }[] = [];

  constructor(private readonly random: () => number = Math.random) {}

  get isOver(): boolean {
    return this.failures.length >= ATTEMPTS_MAX || this.failures.at(-1)?.failure.verdict === 'refused';
  }

  /** Of the attempt to come; the first one is 1. */
  get nextNumber(): number {
    return this.failures.length + 1;
  }

  failed(model: Model, failure: ProviderFailure): void {
    this.failures.push({ model, failure });
  }

  /** The candidates that are worth an attempt, best first. */
  worthTrying(candidates: readonly Candidate<Model>[]): Candidate<Model>[] {
    const fresh = candidates.filter(({ model }) => this.failuresOf(model).length === 0);
    const again = candidates.filter(({ model }) => this.failuresOf(model).at(-1)?.verdict === 'retry');
    const all = [...fresh, ...again].map((candidate) => this.asFallback(candidate));
    if (this.nextNumber < ATTEMPTS_MAX) return all;
    return all.toSorted((a, b) => Number(this.hasFailed(a.model.provider)) - Number(this.hasFailed(b.model.provider)));
  }

  /** How long to leave the model's provider alone before the next attempt. */
  waitMs(model: Model): number {
    if (!this.hasFailed(model.provider)) return 0;
    const wished = this.failuresOf(model).at(-1)?.retryAfterMs ?? 0;
    const ceiling = Math.min(BACKOFF_MS_MAX, BACKOFF_MS * 2 ** (this.failures.length - 1));
    return Math.max(wished, Math.round(this.random() * ceiling));
  }

  get failedAttempts(): CompletionMetadata['failed_attempts'] {
    return this.failures.map(({ model, failure }) => ({
      model: model.id,
      provider: model.provider,
      category: failure.category,
    }));
  }

  /** What the caller hears when no attempt is left. */
  error(): AppError {
    const last = this.failures.at(-1);
    if (!last) return new AppError('no_model_available', 'No model can be reached now.', { retryAfterSeconds: 10 });
    const { failure } = last;
    const isExhausted = this.failures.length >= ATTEMPTS_MAX;
    const details = {
      category: isExhausted ? 'max_retries_exceeded' : failure.category,
      failed_attempts: this.failedAttempts,
    };
    if (failure.verdict === 'refused')
      return new AppError('invalid_request', `The provider "${last.model.provider}" refused the request.`, {
        cause: failure,
        details,
      });
    const retryAfterMs = failure.retryAfterMs ?? undefined;
    return new AppError('provider_error', failure.message, {
      cause: failure,
      details,
      retryAfterSeconds: retryAfterMs === undefined ? undefined : Math.max(1, Math.ceil(retryAfterMs / 1000)),
    });
  }

  private asFallback(candidate: Candidate<Model>): Candidate<Model> {
    const isStandIn = this.failures.length > 0 && candidate.reason !== 'last_resort';
    const isSame = this.failures[0]?.model.id === candidate.model.id;
    return isStandIn && !isSame ? { ...candidate, reason: 'fallback' } : candidate;
  }

  private failuresOf({ id }: Model): ProviderFailure[] {
    return this.failures.filter(({ model }) => model.id === id).map(({ failure }) => failure);
  }

  private hasFailed(provider: string): boolean {
    return this.failures.some(({ model }) => model.provider === provider);
  }
}
