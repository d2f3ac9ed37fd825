import { AppError, type Completion, type CompletionPart, type CompletionRequest } from '@tollgate/contracts';
import type { MessageContext } from '@tollgate/messaging';
import { Plans } from '@tollgate/metering';
import { Logger } from '@tollgate/observability';
import { Injectable } from '@nestjs/common';
import type { PricedModel } from '../catalogue/catalogue.service.js';
import { ProviderFailure } from '../providers/provider-failure.js';
import { AttemptAdmission } from './attempt-admission.service.js';
import { AttemptPlan } from './attempt-plan.js';
import { AttemptRun } from './attempt-run.service.js';
import { CompletionCollector } from './completion-collector.js';

/** Serves a completion by the first candidate that can: an attempt that fails before anything was handed out is followed by the next. */
@Injectable()
export class Completions {
  constructor(
    private readonly plans: Plans,
    private readonly admission: AttemptAdmission,
    private readonly attempts: AttemptRun,
    private readonly logger: Logger,
  ) {}

  /** The whole answer. Nothing is handed out before the end, so a later failure falls back too. */
  async complete(request: CompletionRequest, context: MessageContext): Promise<Completion> {
    let collector = new CompletionCollector();
    for await (const part of this.run(request, context, { restartable: true })) {
      if (part.type === 'start') collector = new CompletionCollector();
      else if (part.type !== 'end') collector.add(part);
      else {
        const { type: _, ...end } = part;
        return { ...end, ...collector.message() };
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
    const { maxOutputTokens } = await this.plans.current(context.caller.tier);
    const plan = new AttemptPlan<PricedModel>();
    for (;;) {
      const admission = await this.admission.enter(request, context, plan);
      const { attempt } = admission;
      try {
        const { failedAttempts } = plan;
        yield* this.attempts.run(admission, request, context, { maxOutputTokens, failedAttempts });
        return;
      } catch (thrown) {
        if (!(thrown instanceof ProviderFailure)) throw thrown;
        plan.failed(attempt.model, thrown);
        this.logger.warn('an attempt failed', { ...attempt.origin, attempt: attempt.number, err: thrown });
        const isHandedOut = !attempt.answer.isEmpty && !restartable;
        if (isHandedOut) throw brokenOff(thrown);
        if (plan.isOver) throw plan.error();
      }
    }
  }
}

/** The caller has the start of an answer already: another model cannot go on with it. */
function brokenOff(failure: ProviderFailure): AppError {
  return new AppError('provider_error', failure.message, { cause: failure, details: { category: failure.category } });
}
