import type { CompletionPart, CompletionRequest } from '@tollgate/contracts';
import { childTraceparent, currentRequest } from '@tollgate/observability';
import { Injectable } from '@nestjs/common';
import { ProviderFailure } from '../providers/provider-failure.js';
import type { ProviderEvent, ProviderRequest } from '../providers/provider.js';
import type { Admission } from './attempt-admission.service.js';
import type { Attempt } from './attempt.js';
import { AttemptTimer } from './attempt-timer.js';
import type { AnswerPiece } from './completion-collector.js';
import type { CompletionContext } from './completion-context.js';
import { metrics } from './metrics.js';
import { Settlement } from './settlement.service.js';

/** How long a connection may stay open after the last word of an answer before it is closed. */
const CONNECTION_END_MS = 250;

/**
 * Runs one attempt: start, pieces and end as the provider writes them.
 *
 * However it ends, its row is in the ledger before the caller hears of the end, its place at the provider is free, and the
 * provider's health knows how it went. Raises ProviderFailure, the signal's reason when the caller left, or why the attempt may
 * not be started: `insufficient_quota`, `unavailable`.
 */
@Injectable()
export class AttemptRun {
  constructor(private readonly settlement: Settlement) {}

  async *run(
    { attempt, entry, pass, leave, hasAlternative }: Admission,
    request: CompletionRequest,
    context: CompletionContext,
    options: RunOptions,
  ): AsyncGenerator<CompletionPart, void> {
    const { failedAttempts } = options;
    const maxOutputTokens = maxOutputTokensOf(request, attempt, options.maxOutputTokens);
    const held = await this.settlement.hold(attempt, request, context, maxOutputTokens).catch((error: unknown) => {
      leave();
      pass.abandoned();
      throw error;
    });
    const { firstTokenTimeoutMs, idleTimeoutMs, totalTimeoutMs } = entry.config;
    const remainingMs = Math.max(0, context.deadlineAt - Date.now());
    const timeouts = {
      // A silent provider may not take the time that somebody else needs to answer.
      firstTokenMs: hasAlternative ? Math.min(firstTokenTimeoutMs, remainingMs / 2) : firstTokenTimeoutMs,
      idleMs: idleTimeoutMs,
      totalMs: totalTimeoutMs,
    };
    const timer = new AttemptTimer(entry.name, timeouts, context.signal);
    const settle = (outcome: 'completed' | 'failed' | 'cancelled', thrown?: unknown) => {
      timer.stop();
      leave();
      return this.settlement.settle(held, context, outcome, thrown);
    };
    let isSettled = false;
    try {
      const providerRequest = toProviderRequest(request, attempt, context, maxOutputTokens);
      for await (const event of eventsUntilEnd(entry.provider.stream(providerRequest, timer.signal), attempt, timer)) {
        if (attempt.answer.isEmpty) yield startOf(attempt);
        attempt.take(event);
        yield event;
      }
      if (!attempt.finishReason) throw new Error('a provider ended without an end');
      pass.succeeded();
      isSettled = true;
      const usage = await settle('completed');
      if (attempt.answer.isEmpty) yield startOf(attempt);
      const metadata = { model_used: attempt.model.id, reason: attempt.reason, failed_attempts: failedAttempts };
      const { finishReason: finish_reason, number: attempts } = attempt;
      yield { type: 'end', ...attempt.origin, finish_reason, usage, attempts, metadata };
    } catch (thrown) {
      if (isSettled) throw thrown;
      isSettled = true;
      const failure = context.signal.aborted ? undefined : toFailure(thrown, entry.name);
      if (failure) entry.healthOf(attempt.model.upstreamName).failed(pass, failure);
      await settle(failure ? 'failed' : 'cancelled', failure);
      throw failure ?? context.signal.reason;
    } finally {
      // Only a consumer that stopped reading comes here unsettled: it leaves by neither way above.
      if (!isSettled) await settle('cancelled');
      pass.abandoned();
    }
  }
}

/**
 * The pieces for the caller; what is only for us is taken on the way. Once the end has come, nothing that the connection
 * does can spoil the answer.
 */
async function* eventsUntilEnd(
  events: AsyncIterable<ProviderEvent>,
  attempt: Attempt,
  timer: AttemptTimer,
): AsyncGenerator<AnswerPiece, void> {
  try {
    for await (const event of events) {
      if (event.type === 'end') timer.ending(CONNECTION_END_MS);
      else timer.token();
      if (event.type === 'usage' || event.type === 'end') attempt.take(event);
      else yield event;
    }
  } catch (error) {
    if (!attempt.finishReason) throw error;
  }
}

interface RunOptions {
  /** The plan's bound. */
  maxOutputTokens: number;
  failedAttempts: Extract<CompletionPart, { type: 'end' }>['metadata']['failed_attempts'];
}

function startOf(attempt: Attempt): CompletionPart {
  metrics.firstToken.observe(attempt.origin, (Date.now() - attempt.startedAt.getTime()) / 1000);
  return { type: 'start', ...attempt.origin };
}

function maxOutputTokensOf(request: CompletionRequest, { model, promptTokens }: Attempt, planMax: number): number {
  return Math.min(request.max_tokens ?? planMax, planMax, model.contextLength - promptTokens);
}

function toProviderRequest(
  request: CompletionRequest,
  attempt: Attempt,
  { requestId }: CompletionContext,
  maxOutputTokens: number,
): ProviderRequest {
  const { model } = attempt;
  const { temperature, top_p, top_k, repeat_penalty, stop, seed } = request;
  return {
    model: model.upstreamName,
    messages: request.messages,
    maxOutputTokens,
    contextLength: model.contextLength,
    sampling: { temperature, top_p, top_k, repeat_penalty, stop, seed },
    tools: request.tools,
    toolChoice: request.tool_choice,
    responseFormat: request.response_format,
    requestId,
    traceparent: childTraceparent(currentRequest()?.traceparent),
    onDispatched: () => (attempt.isDispatched = true),
  };
}

/** What is no ProviderFailure is a defect of ours; another model may be spared it. */
function toFailure(thrown: unknown, provider: string): ProviderFailure {
  if (thrown instanceof ProviderFailure) return thrown;
  const facts = { category: 'unknown_error', verdict: 'retry', cause: thrown } as const;
  return new ProviderFailure(`The provider "${provider}" could not be asked.`, facts);
}
