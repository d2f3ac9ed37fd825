import { setTimeout as sleep } from 'node:timers/promises';
import { isAppError, type Caller } from '@tollgate/contracts';
import type { Plan } from '@tollgate/database';
import { CallSlots, type CallLimit, type CallCounts } from '@tollgate/limits';
import { Plans } from '@tollgate/metering';
import { Inject, Injectable } from '@nestjs/common';

export const BATCH_LIMITS = Symbol('batch limits');

export interface BatchLimits {
  /** False: prompts are asked without any limit of requests. */
  enabled: boolean;
}

/** A prompt may be asked; `end` it afterwards. */
export interface Turn {
  /** @param options.giveBack nothing was served: the day does not count it */
  end(options: { giveBack: boolean }): Promise<void>;
}

/** There is no room for a while: the batch should leave its place in this process to another one meanwhile. */
export interface Postponed {
  againInMs: number;
}

/** Of the requests a minute, what batches leave to the account's other calls. */
const MINUTE_SHARE = 0.75;
/** A turn that comes sooner is waited for in place. */
const WAIT_IN_PLACE_MS = 2_000;
/** "At once" and Redis come back without saying when. */
const LOOK_AGAIN_MS = 250;
/** So soon a larger plan is noticed. */
const LOOK_AGAIN_MS_MAX = 5_000;

/**
 * Lets the prompts of batches in by the limits of their account's plan, counted together with its other calls over all
 * processes. What is over waits. A batch never takes all: one of the calls at once (where there are two) and a quarter of
 * the requests a minute are left to whoever is waiting for an answer.
 */
@Injectable()
export class BatchTurns {
  constructor(
    @Inject(BATCH_LIMITS) private readonly limits: BatchLimits,
    private readonly slots: CallSlots,
    private readonly plans: Plans,
  ) {}

  /** How many prompts of a batch may be asked at once. */
  async atOnce(tier: string): Promise<number> {
    const plan = await this.plans.current(tier);
    return this.limits.enabled ? shareOf(plan).atOnce : plan.concurrentRequests;
  }

  /** Waits a little where a turn comes soon, no longer than until the signal aborts. */
  async next(caller: Caller, callId: string, signal: AbortSignal): Promise<Turn | Postponed> {
    if (!this.limits.enabled) return { end: () => Promise.resolve() };
    const giveUpAt = Date.now() + WAIT_IN_PLACE_MS;
    for (;;) {
      const outcome = await this.take(caller, callId);
      if (!('againInMs' in outcome)) return outcome;
      if (signal.aborted || Date.now() + outcome.againInMs > giveUpAt) return outcome;
      await sleep(outcome.againInMs, undefined, { signal }).catch(() => undefined);
    }
  }

  private async take({ account_id: accountId, tier }: Caller, callId: string): Promise<Turn | Postponed> {
    const share = shareOf(await this.plans.current(tier));
    try {
      const { refusedBy, counts } = await this.slots.take(accountId, callId, share);
      if (refusedBy) return { againInMs: Math.min(waitMs(refusedBy, counts), LOOK_AGAIN_MS_MAX) };
      return { end: (options) => this.slots.end(accountId, callId, options) };
    } catch (error) {
      if (isAppError(error) && error.code === 'unavailable') return { againInMs: LOOK_AGAIN_MS };
      throw error;
    }
  }
}

function shareOf({ requestsPerMinute, callsPerDay, concurrentRequests }: Plan) {
  return {
    minute: Math.max(1, Math.floor(requestsPerMinute * MINUTE_SHARE)),
    day: callsPerDay,
    atOnce: Math.max(1, concurrentRequests - 1),
  };
}

function waitMs(limit: CallLimit, { anyEndsInMs, minuteEndsInMs, dayEndsInMs }: CallCounts): number {
  switch (limit) {
    case 'at_once':
      return LOOK_AGAIN_MS;
    case 'minute':
      return minuteEndsInMs;
    case 'day':
      return dayEndsInMs;
    case 'any':
      return anyEndsInMs;
  }
}
