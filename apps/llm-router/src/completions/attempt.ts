import type { ChoiceReason, FinishReason } from '@tollgate/contracts';
import type { PricedModel } from '../catalogue/catalogue.service.js';
import type { ProviderEvent, ReportedUsage } from '../providers/provider.js';
import { CompletionCollector } from './completion-collector.js';

/** One call of a provider while it runs: what it is for, and what has come of it so far. */
export class Attempt {
  readonly startedAt = new Date();
  /** What the provider has sent so far. */
  readonly answer = new CompletionCollector();
  /** Has the request left for the provider? Until then it has cost nothing. */
  isDispatched = false;
  reported: ReportedUsage = {};
  finishReason: FinishReason | undefined;

  constructor(
    readonly number: number,
    readonly model: PricedModel,
    readonly reason: ChoiceReason,
    readonly promptTokens: number,
  ) {}

  get origin(): { model: string; provider: string } {
    return { model: this.model.id, provider: this.model.provider };
  }

  take(event: ProviderEvent): void {
    switch (event.type) {
      case 'usage':
        this.reported = { ...this.reported, ...event.usage };
        break;
      case 'end':
        this.finishReason = event.finishReason;
        break;
      default:
        this.answer.add(event);
    }
  }
}
