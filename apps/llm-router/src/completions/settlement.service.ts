import { AppError, type CompletionRequest, type Usage } from '@tollgate/contracts';
import type { AttemptOutcome } from '@tollgate/database';
import { countTokens } from '@tollgate/llm';
import { Holds, Ledger, LiveHolds, Prices, type Hold } from '@tollgate/metering';
import { Injectable } from '@nestjs/common';
import { ProviderFailure } from '../providers/provider-failure.js';
import type { Attempt } from './attempt.js';
import { attemptUsage, tokenCountsOf } from './attempt-usage.js';
import type { CompletionContext } from './completion-context.js';
import { metrics } from './metrics.js';

/** Chat templates and tokenizers differ: a provider may count a prompt a little longer than we do. Held, and billed to nobody. */
const PROMPT_MARGIN = 0.1;
const PROMPT_MARGIN_TOKENS = 16;

/** An attempt whose tokens are kept free for it. */
export interface HeldAttempt {
  attempt: Attempt;
  hold: Hold;
  /** Ends the refreshing of the hold. */
  letGo: () => void;
}

/** Brings attempts to the ledger: the one place that does. */
@Injectable()
export class Settlement {
  constructor(
    private readonly holds: Holds,
    private readonly liveHolds: LiveHolds,
    private readonly prices: Prices,
    private readonly ledger: Ledger,
  ) {}

  /**
   * Resolves when the tokens that the attempt may cost are kept free, at most `maxOutputTokens` of output: only then may its provider
   * be called. Raises `insufficient_quota`, `no_model_available` for a model without a price, or `unavailable`.
   */
  async hold(
    attempt: Attempt,
    { task }: CompletionRequest,
    { messageId, requestId, caller }: CompletionContext,
    maxOutputTokens: number,
  ): Promise<HeldAttempt> {
    const hold = await this.holds.take({
      callId: messageId,
      attemptNumber: attempt.number,
      requestId,
      accountId: caller.account_id,
      userId: caller.user_id,
      task,
      price: await this.prices.current(attempt.model.provider, attempt.model.id),
      tokensInput: attempt.promptTokens,
      tokensOutputMax: maxOutputTokens + Math.ceil(attempt.promptTokens * PROMPT_MARGIN) + PROMPT_MARGIN_TOKENS,
    });
    return { attempt, hold, letGo: this.liveHolds.keep(hold, () => attempt.tokensSoFar) };
  }

  /**
   * Resolves when the row is committed. An attempt that never left for its provider has cost nothing and has no row.
   *
   * @param thrown what ended a failed or cancelled attempt
   */
  async settle(
    { attempt, hold, letGo }: HeldAttempt,
    { signal }: CompletionContext,
    outcome: AttemptOutcome,
    thrown?: unknown,
  ): Promise<Usage> {
    letGo();
    const { model, promptTokens, answer } = attempt;
    // Failed before its first token: nothing is known to have been served.
    const served = outcome === 'completed' || !answer.isEmpty || (outcome === 'cancelled' && attempt.isDispatched);
    const usage = attemptUsage(
      served ? attempt.reported : { input: 0, output: 0 },
      () => ({ input: promptTokens, output: countTokens(answer.text, model.tokenizer) }),
      () => (answer.reasoningText === '' ? 0 : countTokens(answer.reasoningText, model.tokenizer)),
    );
    const finishedAt = new Date();
    if (attempt.isDispatched) {
      await this.ledger.settle(hold, {
        tokens: tokenCountsOf(usage),
        usageSource: served ? usage.source : 'estimate',
        outcome,
        errorCode: errorCodeOf(outcome, signal, thrown),
        finishedAt,
      });
    } else await this.holds.release(hold);
    measure(attempt, usage, outcome, finishedAt, thrown);
    return usage;
  }
}

function measure(attempt: Attempt, usage: Usage, outcome: AttemptOutcome, finishedAt: Date, thrown: unknown): void {
  const labels = attempt.origin;
  metrics.attempts.inc({ ...labels, outcome });
  metrics.tokens.inc({ ...labels, type: 'input' }, usage.input_tokens);
  metrics.tokens.inc({ ...labels, type: 'output' }, usage.output_tokens);
  metrics.duration.observe({ ...labels, outcome }, (finishedAt.getTime() - attempt.startedAt.getTime()) / 1000);
  if (outcome === 'failed') metrics.failures.inc({ ...labels, category: categoryOf(thrown) });
}

/** For a failed attempt its category; for a cancelled one why it was aborted, which is the truth. */
function errorCodeOf(outcome: AttemptOutcome, signal: AbortSignal, thrown: unknown): string | undefined {
  if (outcome === 'completed') return undefined;
  if (outcome === 'failed') return categoryOf(thrown);
  return signal.aborted ? AppError.fromUnknown(signal.reason).code : 'cancelled';
}

function categoryOf(thrown: unknown): string {
  return thrown instanceof ProviderFailure ? thrown.category : 'unknown_error';
}
