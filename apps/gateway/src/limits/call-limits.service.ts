import type { AppError, Caller } from '@tollgate/contracts';
import { CallSlots, type CallCounts, type CallLimit } from '@tollgate/limits';
import { Plans } from '@tollgate/metering';
import { Inject, Injectable } from '@nestjs/common';
import { limitHeaders, type Quota } from './limit-headers.js';
import { LIMITS_OPTIONS, type LimitsOptions } from './limits-options.js';
import { limitRefusals } from './metrics.js';
import { rateLimitExceeded } from './rate-limit-error.js';

/** A call that was let in. */
export interface AdmittedCall {
  /** @param options.giveBack nothing was served: the day does not count it */
  end(options: { giveBack: boolean }): Promise<void>;
}

/** The plan's requests a minute, calls a UTC day and calls at once, over all replicas. */
@Injectable()
export class CallLimits {
  constructor(
    @Inject(LIMITS_OPTIONS) private readonly options: LimitsOptions,
    private readonly slots: CallSlots,
    private readonly plans: Plans,
  ) {}

  /**
   * Raises `rate_limit_exceeded`, or `unavailable` within a quarter of a second when Redis does not answer.
   * @param onQuotas is told what is left, as headers, whatever the verdict
   */
  async admit(
    { account_id: accountId, tier }: Caller,
    callId: string,
    onQuotas: (headers: Record<string, string>) => void,
  ): Promise<AdmittedCall> {
    const plan = await this.plans.current(tier);
    const { requestsMax, windowSeconds } = this.options;
    const max = {
      any: requestsMax,
      minute: plan.requestsPerMinute,
      day: plan.callsPerDay,
      at_once: plan.concurrentRequests,
    };
    const { refusedBy, counts } = await this.slots.take(accountId, callId, {
      any: { requests: max.any, windowMs: windowSeconds * 1_000 },
      minute: max.minute,
      day: max.day,
      atOnce: max.at_once,
    });
    const quotas = quotasOf(max, counts, windowSeconds);
    onQuotas(limitHeaders([quotas.minute, quotas.day, quotas.at_once]));
    if (refusedBy) throw refusal(refusedBy, quotas[refusedBy], tier);
    return { end: (options) => this.slots.end(accountId, callId, options) };
  }
}

function quotasOf(max: Record<CallLimit, number>, counts: CallCounts, anyWindowSeconds: number) {
  const { anyEndsInMs, minute, minuteEndsInMs, day, dayEndsInMs, running } = counts;
  return {
    any: { name: 'any', max: max.any, used: max.any, endsInMs: anyEndsInMs, windowSeconds: anyWindowSeconds },
    minute: { name: 'minute', max: max.minute, used: minute, endsInMs: minuteEndsInMs, windowSeconds: 60 },
    day: { name: 'day', max: max.day, used: day, endsInMs: dayEndsInMs, windowSeconds: 86_400 },
    at_once: { name: 'at-once', max: max.at_once, used: running, endsInMs: running < max.at_once ? 0 : 1_000 },
  } satisfies Record<CallLimit, Quota>;
}

const refusedBecause: Record<CallLimit, (max: number, tier: string) => string> = {
  any: (max) => `More than ${max} requests of this account in a short time.`,
  minute: (max, tier) => `The plan "${tier}" allows ${max} requests a minute.`,
  day: (max, tier) => `The plan "${tier}" allows ${max} calls a day (UTC).`,
  at_once: (max, tier) => `The plan "${tier}" allows ${max} calls at once.`,
};

function refusal(limit: CallLimit, quota: Quota, tier: string): AppError {
  limitRefusals.inc({ limit });
  return rateLimitExceeded(refusedBecause[limit](quota.max, tier), {
    limit: quota.max,
    limitName: quota.name,
    waitMs: quota.endsInMs,
    tier,
    isWorthRetrying: limit !== 'day',
  });
}
