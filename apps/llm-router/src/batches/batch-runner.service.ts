import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, errorTable, type BatchResult } from '@tollgate/contracts';
import { Logger } from '@tollgate/observability';
import { Injectable } from '@nestjs/common';
import { BatchPrompts, type PromptSignals } from './batch-prompts.service.js';
import { emptyResult } from './batch-result.js';
import { BatchStore, type RunnableBatch } from './batch-store.service.js';
import { BatchTurns, type Postponed } from './batch-turns.service.js';
import { metrics } from './metrics.js';

/** Prompts of one batch that are asked at once, when the plan allows as many. */
const PROMPTS_AT_ONCE = 4;
const RETRY_MS = 1_000;
const CANCEL_CHECK_MS = 500;
/** Until a batch that could not go on is looked at again. */
const HAND_OVER_MS = 300;
/** A result that was paid for is not given up before Postgres has been away for so long. */
const COMMIT_FOR_MS = 60_000;

export interface Run {
  /** Aborts when the process stops: what is being asked is finished, nothing else is begun. */
  stopping: AbortSignal;
  /** Rejects when another process runs the batch by now. */
  assertOurs: () => Promise<void>;
}

/**
 * Asks the prompts of a batch that have no result yet. A result is committed before its place is taken by the next prompt,
 * so whoever runs the batch after a crash asks again only what was being asked then.
 */
@Injectable()
export class BatchRunner {
  constructor(
    private readonly store: BatchStore,
    private readonly prompts: BatchPrompts,
    private readonly turns: BatchTurns,
    private readonly logger: Logger,
  ) {}

  /** Postponed when the process stops, when an older batch goes first, or when the plan has no room for a while. */
  async run(id: string, { stopping, assertOurs }: Run): Promise<'finished' | Postponed> {
    const batch = await this.store.load(id);
    if (!batch || batch.isFinished) return 'finished';
    if (!(await this.store.isNext(batch))) return { againInMs: HAND_OVER_MS };
    await this.store.start(id);
    const pending = await this.store.pendingIndexes(id);
    const cancelled = new AbortController();
    const watch = setInterval(() => void this.watchCancel(id, cancelled), CANCEL_CHECK_MS);
    const signals = { cancelled: cancelled.signal, stopping };
    const noMore = AbortSignal.any([stopping, cancelled.signal]);
    let againInMs = HAND_OVER_MS;
    const takePrompts = async () => {
      while (!noMore.aborted) {
        const index = pending.shift();
        if (index === undefined) return;
        await assertOurs();
        const postponed = await this.askPrompt(batch, index, signals);
        if (!postponed) continue;
        againInMs = Math.max(againInMs, postponed.againInMs);
        return;
      }
    };
    try {
      const places = Math.min(PROMPTS_AT_ONCE, await this.turns.atOnce(batch.caller.tier));
      await allSettled(Array.from({ length: places }, takePrompts));
    } finally {
      clearInterval(watch);
    }
    if ((await this.store.pendingIndexes(id)).length > 0) return { againInMs };
    await this.store.finish(id);
    return 'finished';
  }

  /** Undefined when the prompt needs no more asking. */
  private async askPrompt(
    { id, requestFor, caller }: RunnableBatch,
    index: number,
    signals: PromptSignals,
  ): Promise<Postponed | undefined> {
    const prompt = await this.store.pendingPrompt(id, index);
    if (prompt === undefined) return undefined;
    const callerNow = await this.store.callerNow(caller);
    const outcome =
      typeof callerNow === 'string'
        ? refused(index, callerNow)
        : await this.prompts.ask(index, requestFor(prompt), callerNow, signals);
    if ('againInMs' in outcome) return outcome;
    await this.commit(id, outcome);
    metrics.prompts.inc({ status: outcome.status });
    return undefined;
  }

  private async commit(id: string, result: BatchResult): Promise<void> {
    for (const giveUpAt = Date.now() + COMMIT_FOR_MS; ; await sleep(RETRY_MS)) {
      try {
        return await this.store.commit(id, result);
      } catch (error) {
        if (Date.now() > giveUpAt) throw error;
        this.logger.warn('a result of a batch could not be committed, trying again', { batch: id, err: error });
      }
    }
  }

  private async watchCancel(id: string, cancelled: AbortController): Promise<void> {
    const isCancelled = await this.store.isCancelled(id).catch(() => false);
    if (isCancelled) cancelled.abort(new AppError('cancelled', 'The batch was cancelled.'));
  }
}

const refusals = {
  gone: new AppError('unauthenticated', 'The user of this batch does not exist any more.'),
  suspended: new AppError('account_suspended', errorTable.account_suspended.meaning),
};

function refused(index: number, reason: keyof typeof refusals): BatchResult {
  const { code, message } = refusals[reason];
  return { ...emptyResult(index, 'failed'), error: { code, message } };
}

/** Waits for all, also when one fails: what they have asked must be committed. */
async function allSettled(work: Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(work)) if (outcome.status === 'rejected') throw outcome.reason;
}
