import { setTimeout as sleep } from 'node:timers/promises';
import type { Completion } from '@tollgate/contracts';
import { Ledger, Prices } from '@tollgate/metering';
import { Logger } from '@tollgate/observability';
import { Injectable } from '@nestjs/common';
import { tokenCountsOf } from '../completions/attempt-usage.js';
import type { CompletionContext } from '../completions/completion-context.js';

/** Its row costs nothing, so an answer does not wait for a Postgres that is away; the ledger goes on trying. */
const WAIT_MS = 500;

/** Rows of the ledger for answers out of the cache: the tokens that were saved, at no charge. */
@Injectable()
export class HitLedger {
  constructor(
    private readonly ledger: Ledger,
    private readonly prices: Prices,
    private readonly logger: Logger,
  ) {}

  /** Resolves when the row is committed, or after half a second. Never rejects. */
  async record(task: string, hit: Completion, context: CompletionContext, startedAt: Date): Promise<void> {
    const recorded = this.write(task, hit, context, startedAt).catch((error: unknown) =>
      this.logger.error('the row of a cached answer was lost', { model: hit.model, err: error }),
    );
    await Promise.race([recorded, sleep(WAIT_MS, undefined, { ref: false })]);
  }

  private async write(
    task: string,
    { model, provider, usage }: Completion,
    { messageId, requestId, caller }: CompletionContext,
    startedAt: Date,
  ): Promise<void> {
    await this.ledger.recordCacheHit({
      callId: messageId,
      attemptNumber: 1,
      requestId,
      accountId: caller.account_id,
      userId: caller.user_id,
      task,
      price: await this.prices.current(provider, model),
      tokens: tokenCountsOf(usage),
      startedAt,
      finishedAt: new Date(),
    });
  }
}
