import { setTimeout as sleep } from 'node:timers/promises';
import type { Completion } from '@tollgate/contracts';
import type { PriceVersion } from '@tollgate/database';
import { Ledger, Prices } from '@tollgate/metering';
import { Logger } from '@tollgate/observability';
import { Injectable } from '@nestjs/common';
import type { CompletionContext } from '../completions/completion-context.js';

/** Stands in the ledger as the provider of answers that no provider was asked for. */
export const CACHE_PROVIDER = 'cache';

const free = { input: 0n, cachedInput: 0n, output: 0n };

/** Its row costs nothing, so an answer does not wait for a Postgres that is away; the ledger goes on trying. */
const WAIT_MS = 500;

/** Rows of the ledger for answers out of the cache: the tokens that were saved, at a price of 0. */
@Injectable()
export class HitLedger {
  private readonly prices = new Map<string, Promise<PriceVersion>>();

  constructor(
    private readonly ledger: Ledger,
    private readonly priceVersions: Prices,
    private readonly logger: Logger,
  ) {}

  /** Resolves when the row is committed, or after half a second. Never rejects. */
  async record(task: string, { model, usage }: Completion, context: CompletionContext, startedAt: Date): Promise<void> {
    const recorded = this.priceOf(model)
      .then((price) =>
        this.ledger.record({
          callId: context.messageId,
          attemptNumber: 1,
          requestId: context.requestId,
          accountId: context.caller.account_id,
          userId: context.caller.user_id,
          task,
          price,
          tokens: { input: usage.input_tokens, cached: usage.cached_tokens, output: usage.output_tokens },
          usageSource: usage.source,
          outcome: 'completed',
          startedAt,
          finishedAt: new Date(),
        }),
      )
      .catch((error: unknown) => this.logger.error('the row of a cached answer was lost', { model, err: error }));
    await Promise.race([recorded, sleep(WAIT_MS, undefined, { ref: false })]);
  }

  private priceOf(model: string): Promise<PriceVersion> {
    const known = this.prices.get(model);
    if (known) return known;
    const publishing = this.publish(model);
    publishing.catch(() => this.prices.delete(model));
    this.prices.set(model, publishing);
    return publishing;
  }

  private async publish(model: string): Promise<PriceVersion> {
    const [version] = await this.priceVersions.publish([{ provider: CACHE_PROVIDER, model, cost: free, charge: free }]);
    if (!version) throw new Error(`no price version of ${CACHE_PROVIDER} for ${model}`);
    return version;
  }
}
