import {
  AppError,
  type Completion,
  type CompletionPart,
  type CompletionRequest,
  type ErrorCode,
  type FinishReason,
  type Usage,
} from '@tollgate/contracts';
import type { AttemptOutcome } from '@tollgate/database';
import { contextLengthExceeded, contextUsage, countPromptTokens, countTokens } from '@tollgate/llm';
import type { MessageContext } from '@tollgate/messaging';
import { Ledger, Plans } from '@tollgate/metering';
import { childTraceparent, currentRequest, Logger } from '@tollgate/observability';
import { Injectable } from '@nestjs/common';
import { Catalogue } from '../catalogue/catalogue.service.js';
import type { ModelConfig } from '../catalogue/models-file.js';
import type { ReportedUsage } from '../providers/provider.js';
import { ProviderRegistry } from '../providers/provider-registry.service.js';
import { attemptUsage } from './attempt-usage.js';
import { metrics } from './metrics.js';

/** Over all models and providers of one request. */
const ATTEMPTS_MAX = 3;

/** One attempt while it runs. */
interface Attempt {
  number: number;
  model: ModelConfig;
  promptTokens: number;
  startedAt: Date;
  /** Has the request left for the provider? Until then it has cost nothing. */
  isDispatched: boolean;
  /** What the provider has sent so far. */
  text: string;
  reported: ReportedUsage;
  finishReason: FinishReason | undefined;
}

/**
 * Serves a completion by the first candidate that can, and settles every attempt.
 *
 * An attempt that fails before anything was handed to the caller is followed by the next candidate. However an attempt
 * ends, its row is in the ledger before the caller hears of the end.
 */
@Injectable()
export class Completions {
  constructor(
    private readonly catalogue: Catalogue,
    private readonly providers: ProviderRegistry,
    private readonly plans: Plans,
    private readonly ledger: Ledger,
    private readonly logger: Logger,
  ) {}

  /** The whole answer. Nothing is handed out before the end, so a later failure falls back too. */
  async complete(request: CompletionRequest, context: MessageContext): Promise<Completion> {
    let content = '';
    for await (const part of this.run(request, context, { restartable: true })) {
      if (part.type === 'start') content = '';
      else if (part.type === 'delta') content += part.text;
      else if (part.type === 'end') {
        const { type: _, ...end } = part;
        return { ...end, content };
      }
    }
    throw new Error('a completion ended without an end');
  }

  stream(request: CompletionRequest, context: MessageContext): AsyncGenerator<CompletionPart, void> {
    return this.run(request, context, { restartable: false });
  }

  private async *run(
    request: CompletionRequest,
    context: MessageContext,
    { restartable }: { restartable: boolean },
  ): AsyncGenerator<CompletionPart, void> {
    const plan = await this.plans.current(context.caller.tier);
    const tried = new Set<ModelConfig>();
    for (;;) {
      const attempt = this.nextAttempt(request, context, tried);
      tried.add(attempt.model);
      try {
        yield* this.attempt(attempt, request, context, plan.maxOutputTokens);
        return;
      } catch (thrown) {
        const error = AppError.fromUnknown(thrown);
        const handedOut = attempt.text !== '' && !restartable;
        if (context.signal.aborted || handedOut || error.code !== 'provider_error' || tried.size >= ATTEMPTS_MAX)
          throw error;
        this.logger.warn('an attempt failed, trying the next model', {
          model: attempt.model.id,
          attempt: attempt.number,
          err: error,
        });
      }
    }
  }

  /** Raises `context_length_exceeded` when the first choice is too small; a fallback that is too small is passed over. */
  private nextAttempt(
    request: CompletionRequest,
    { caller }: MessageContext,
    tried: ReadonlySet<ModelConfig>,
  ): Attempt {
    let refusal: AppError | undefined;
    for (const model of this.catalogue.candidates(caller.tier, request.model)) {
      if (tried.has(model)) continue;
      const promptTokens = countPromptTokens(request.messages, model.tokenizer, model.contextLength);
      const usage = contextUsage(promptTokens, model.contextLength);
      if (usage.level !== 'exceeded') return newAttempt(tried.size + 1, model, promptTokens);
      refusal ??= contextLengthExceeded(model.id, usage);
      if (tried.size === 0) break;
    }
    throw (
      refusal ?? new AppError('no_model_available', 'Every model of the plan has failed.', { retryAfterSeconds: 10 })
    );
  }

  private async *attempt(
    attempt: Attempt,
    request: CompletionRequest,
    context: MessageContext,
    planMaxOutputTokens: number,
  ): AsyncGenerator<CompletionPart, void> {
    const { model } = attempt;
    const origin = { model: model.id, provider: model.provider };
    let settled = false;
    try {
      const maxOutputTokens = Math.min(
        request.max_tokens ?? planMaxOutputTokens,
        planMaxOutputTokens,
        model.contextLength - attempt.promptTokens,
      );
      const events = this.providers.get(model.provider).stream(
        {
          model: model.upstreamName,
          messages: request.messages,
          maxOutputTokens,
          contextLength: model.contextLength,
          temperature: request.temperature,
          responseFormat: request.response_format?.type === 'json_object' ? 'json' : 'text',
          requestId: context.requestId,
          traceparent: childTraceparent(currentRequest()?.traceparent),
          onDispatched: () => (attempt.isDispatched = true),
        },
        context.signal,
      );
      for await (const event of events) {
        if (event.type === 'end') {
          attempt.reported = event.usage;
          attempt.finishReason = event.finishReason;
          break;
        }
        if (attempt.text === '') {
          metrics.firstToken.observe(origin, (Date.now() - attempt.startedAt.getTime()) / 1000);
          yield { type: 'start', ...origin };
        }
        attempt.text += event.text;
        yield { type: 'delta', text: event.text };
      }
      if (!attempt.finishReason)
        throw new AppError('provider_error', `The provider "${model.provider}" ended its answer early.`);
      settled = true;
      const usage = await this.settle(attempt, request, context, 'completed');
      if (attempt.text === '') yield { type: 'start', ...origin };
      yield {
        type: 'end',
        ...origin,
        finish_reason: attempt.finishReason,
        usage,
        attempts: attempt.number,
        metadata: { model_used: model.id, reason: 'requested', failed_attempts: [] },
      };
    } catch (thrown) {
      const error = AppError.fromUnknown(thrown);
      if (!settled) {
        settled = true;
        await this.settle(attempt, request, context, context.signal.aborted ? 'cancelled' : 'failed', error);
      }
      throw error;
    } finally {
      // Only a consumer that stopped reading comes here unsettled: it leaves by neither way above.
      if (!settled) await this.settle(attempt, request, context, 'cancelled');
    }
  }

  private async settle(
    attempt: Attempt,
    request: CompletionRequest,
    context: MessageContext,
    outcome: AttemptOutcome,
    error?: AppError,
  ): Promise<Usage> {
    const { model, promptTokens, text } = attempt;
    // Not sent, or failed before its first token: nothing is known to have been served.
    const served = outcome === 'completed' || text !== '' || (outcome === 'cancelled' && attempt.isDispatched);
    const usage = attemptUsage(served ? attempt.reported : { input: 0, output: 0 }, () => ({
      input: promptTokens,
      output: countTokens(text, model.tokenizer),
    }));
    const finishedAt = new Date();
    await this.ledger.record({
      callId: context.messageId,
      attemptNumber: attempt.number,
      requestId: context.requestId,
      accountId: context.caller.account_id,
      userId: context.caller.user_id,
      task: request.task,
      price: this.catalogue.priceOf(model),
      tokens: { input: usage.input_tokens, cached: usage.cached_tokens, output: usage.output_tokens },
      usageSource: served ? usage.source : 'estimate',
      outcome,
      errorCode: errorCodeOf(outcome, context.signal, error),
      startedAt: attempt.startedAt,
      finishedAt,
    });
    const labels = { model: model.id, provider: model.provider };
    metrics.attempts.inc({ ...labels, outcome });
    metrics.tokens.inc({ ...labels, type: 'input' }, usage.input_tokens);
    metrics.tokens.inc({ ...labels, type: 'output' }, usage.output_tokens);
    metrics.duration.observe({ ...labels, outcome }, (finishedAt.getTime() - attempt.startedAt.getTime()) / 1000);
    return usage;
  }
}

function newAttempt(number: number, model: ModelConfig, promptTokens: number): Attempt {
  const soFar = { isDispatched: false, text: '', reported: {}, finishReason: undefined };
  return { number, model, promptTokens, startedAt: new Date(), ...soFar };
}

/** An aborted call fails in ways of its own; why it was aborted is the truth. */
function errorCodeOf(outcome: AttemptOutcome, signal: AbortSignal, error: AppError | undefined): ErrorCode | undefined {
  if (outcome === 'completed') return undefined;
  if (outcome === 'failed' && error) return error.code;
  return signal.aborted ? AppError.fromUnknown(signal.reason).code : 'cancelled';
}
