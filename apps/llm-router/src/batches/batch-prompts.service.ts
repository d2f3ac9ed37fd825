import { setTimeout as sleep } from 'node:timers/promises';
import {
  AppError,
  complete,
  isAppError,
  type BatchResult,
  type Caller,
  type CompletionRequest,
} from '@tollgate/contracts';
import { Messages } from '@tollgate/messaging';
import { childTraceparent, runInRequest } from '@tollgate/observability';
import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { z } from 'zod';
import { emptyResult } from './batch-result.js';
import { BatchTurns, type Postponed } from './batch-turns.service.js';

/** Of one prompt, when it fails in a way that passes. */
const TRIES_MAX = 4;
const RETRY_MS = 1_000;
/** The ledger may know of more calls of the day than the counters that were asked before. */
const DAY_IS_OVER_WAIT_MS = 5_000;

export interface PromptSignals {
  /** Aborts when the batch is cancelled: the prompt is given up. */
  cancelled: AbortSignal;
  /** Aborts when the process stops: what is being asked is finished. */
  stopping: AbortSignal;
}

/** Asks one prompt of a batch, as a request of the caller like any other: by the same limits, through the queue, the cache and the ledger. */
@Injectable()
export class BatchPrompts {
  constructor(
    private readonly messages: Messages,
    private readonly turns: BatchTurns,
  ) {}

  /** Postponed when the plan has no room for a while, or when the process stops before it was answered: then it stays pending. */
  async ask(
    index: number,
    request: CompletionRequest,
    caller: Caller,
    { cancelled, stopping }: PromptSignals,
  ): Promise<BatchResult | Postponed> {
    const noMore = AbortSignal.any([cancelled, stopping]);
    for (let tries = 1; ; tries += 1) {
      const requestId = uuidv7();
      const turn = await this.turns.next(caller, requestId, noMore);
      if ('againInMs' in turn) return cancelled.aborted ? emptyResult(index, 'cancelled') : turn;
      const outcome = await this.answer(index, request, { requestId, caller, signal: cancelled });
      const isFailure = isAppError(outcome);
      await turn.end({ giveBack: isFailure && !cancelled.aborted });
      if (!isFailure) return outcome;
      if (cancelled.aborted) return emptyResult(index, 'cancelled');
      const end = endOf(index, outcome, { isLastTry: tries >= TRIES_MAX, isStopping: stopping.aborted });
      if (end) return end;
      const { retryAfterSeconds } = outcome;
      const waitMs = retryAfterSeconds === undefined ? RETRY_MS * 2 ** (tries - 1) : retryAfterSeconds * 1_000;
      await sleep(waitMs, undefined, { signal: noMore }).catch(() => undefined);
    }
  }

  private async answer(
    index: number,
    request: CompletionRequest,
    asking: { requestId: string; caller: Caller; signal: AbortSignal },
  ): Promise<BatchResult | AppError> {
    const context = { ...asking, traceparent: childTraceparent() };
    try {
      const answer = await runInRequest(context, () => this.messages.send(complete, request));
      const { content, model, finish_reason, usage, cache } = answer;
      const isHit = cache?.outcome === 'hit' || cache?.outcome === 'shared';
      return { ...emptyResult(index, 'completed'), response: content, model, finish_reason, usage, cache_hit: isHit };
    } catch (error) {
      return AppError.fromUnknown(error);
    }
  }
}

const Details = z.object({ limit_name: z.string() }).partial().catch({});

/** Undefined when it is worth another try. */
function endOf(
  index: number,
  { code, message, retryable, details }: AppError,
  { isLastTry, isStopping }: { isLastTry: boolean; isStopping: boolean },
): BatchResult | Postponed | undefined {
  if (code === 'insufficient_quota' && Details.parse(details).limit_name === 'calls_day')
    return { againInMs: DAY_IS_OVER_WAIT_MS };
  if (retryable && isStopping) return { againInMs: 0 };
  if (!retryable || isLastTry) return { ...emptyResult(index, 'failed'), error: { code, message } };
  return undefined;
}
