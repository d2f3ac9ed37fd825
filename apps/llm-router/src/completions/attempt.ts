import type { ChoiceReason, FinishReason } from '@tollgate/contracts';
import type { PricedModel } from '../catalogue/catalogue.service.js';
import type { ProviderEvent, ReportedUsage } from '../providers/provider.js';
import { CompletionCollector } from './completion-collector.js';

const CHARACTERS_PER_TOKEN = 4;

/** One call of a provider while it runs: what it is for, and what has come of it so far. */
export class Attempt {
  readonly startedAt = new Date();
  /** What the provider has sent so far. */
  readonly answer = new CompletionCollector();
  private pieces = 0;
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

  /** Cheap, and rather too few: a piece is one token or more, and a token of prose has some four characters. */
  get tokensSoFar(): number {
    return Math.max(this.pieces, Math.ceil(this.answer.text.length / CHARACTERS_PER_TOKEN));
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
        this.pieces += 1;
        this.answer.add(event);
    }
  }
}
