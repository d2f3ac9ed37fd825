import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, complete, type BatchResult, type Caller, type CompletionRequest } from '@tollgate/contracts';
import { Messages } from '@tollgate/messaging';
import { Plans } from '@tollgate/metering';
import { childTraceparent, Logger, runInRequest } from '@tollgate/observability';
import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { BatchStore, type RunnableBatch } from './batch-store.service.js';
import { metrics } from './metrics.js';
import { RequestPace } from './request-pace.js';

/** Prompts of one batch that are asked at once, when the plan allows as many. */
const PROMPTS_AT_ONCE = 4;
/** Of one prompt, when it fails in a way that passes. */
const TRIES_MAX = 4;
const RETRY_MS = 1_000;
const CANCEL_CHECK_MS = 500;
/** A result that was paid for is not given up before Postgres has been away for so long. */
const COMMIT_FOR_MS = 60_000;

export interface Run {
  /** Aborts when the process stops: what is being asked is finished, nothing else is begun. */
  stopping: AbortSignal;
  /** Rejects when another process runs the batch by now. */
  assertOurs: () => Promise<void>;
}

/**
 * Asks the prompts of a batch that have no result yet, each as a request of the caller like any other: through the queue,
 * the cache, the limits and the ledger. A result is committed before its place is taken by the next prompt, so whoever
 * runs the batch after a crash asks again only what was being asked then.
 */
@Injectable()
export class BatchRunner {
  constructor(
    private readonly store: BatchStore,
    private readonly messages: Messages,
    private readonly plans: Plans,
    private readonly logger: Logger,
  ) {}

  /** Resolves to whether the batch is finished; it is not when the process stops, or when an older one goes first. */
  async run(id: string, { stopping, assertOurs }: Run): Promise<boolean> {
    const batch = await this.store.load(id);
    if (!batch || batch.isFinished) return true;
    if (!(await this.store.isNext(batch))) return false;
    await this.store.start(id);
    const plan = await this.plans.current(batch.caller.tier);
    const pace = new RequestPace(plan.requestsPerMinute);
    const pending = await this.store.pendingIndexes(id);
    const cancelled = new AbortController();
    const watch = setInterval(() => void this.watchCancel(id, cancelled), CANCEL_CHECK_MS);
    const noMore = AbortSignal.any([stopping, cancelled.signal]);
    const takePrompts = async () => {
      while (pending.length > 0 && !noMore.aborted) {
        await pace.wait(noMore).catch(() => undefined);
        const index = noMore.aborted ? undefined : pending.shift();
        if (index === undefined) return;
        await assertOurs();
        await this.askPrompt(batch, index, cancelled.signal, stopping);
      }
    };
    try {
      await this.watchCancel(id, cancelled);
      const places = Math.min(PROMPTS_AT_ONCE, plan.concurrentRequests);
      await allSettled(Array.from({ length: places }, takePrompts));
    } finally {
      clearInterval(watch);
    }
    if (cancelled.signal.aborted) await this.cancelRest(id);
    else if (stopping.aborted && (await this.store.pendingIndexes(id)).length > 0) return false;
    await this.store.finish(id);
    return true;
  }

  private async askPrompt(
    batch: RunnableBatch,
    index: number,
    cancelled: AbortSignal,
    stopping: AbortSignal,
  ): Promise<void> {
    const request = batch.requestFor(await this.store.promptOf(batch.id, index));
    const result = await this.resultOf(request, batch.caller, index, { cancelled, stopping });
    if (!result) return;
    await this.commit(batch.id, result);
    metrics.prompts.inc({ status: result.status });
  }

  /** Undefined when it failed for now and the process stops: then it stays pending. */
  private async resultOf(
    request: CompletionRequest,
    caller: Caller,
    index: number,
    { cancelled, stopping }: { cancelled: AbortSignal; stopping: AbortSignal },
  ): Promise<BatchResult | undefined> {
    for (let tries = 1; ; tries += 1) {
      const context = { requestId: uuidv7(), traceparent: childTraceparent(), caller, signal: cancelled };
      try {
        const answer = await runInRequest(context, () => this.messages.send(complete, request));
        const { content, model, finish_reason, usage, cache } = answer;
        const isHit = cache?.outcome === 'hit' || cache?.outcome === 'shared';
        return { ...emptyResult(index, 'completed'), response: content, model, finish_reason, usage, cache_hit: isHit };
      } catch (thrown) {
        if (cancelled.aborted) return emptyResult(index, 'cancelled');
        const { code, message, retryable, retryAfterSeconds } = AppError.fromUnknown(thrown);
        if (retryable && stopping.aborted) return undefined;
        if (!retryable || tries >= TRIES_MAX) return { ...emptyResult(index, 'failed'), error: { code, message } };
        const waitMs = retryAfterSeconds === undefined ? RETRY_MS * 2 ** (tries - 1) : retryAfterSeconds * 1_000;
        await sleep(waitMs, undefined, { signal: AbortSignal.any([cancelled, stopping]) }).catch(() => undefined);
      }
    }
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

  private async cancelRest(id: string): Promise<void> {
    for (const index of await this.store.pendingIndexes(id)) {
      await this.commit(id, emptyResult(index, 'cancelled'));
    }
  }

  private async watchCancel(id: string, cancelled: AbortController): Promise<void> {
    const isCancelled = await this.store.isCancelled(id).catch(() => false);
    if (isCancelled) cancelled.abort(new AppError('cancelled', 'The batch was cancelled.'));
  }
}

function emptyResult(index: number, status: BatchResult['status']): BatchResult {
  return {
    index,
    status,
    response: null,
    model: null,
    finish_reason: null,
    usage: null,
    cache_hit: false,
    error: null,
  };
}

/** Waits for all, also when one fails: what they have asked must be committed. */
async function allSettled(work: Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(work)) if (outcome.status === 'rejected') throw outcome.reason;
}
