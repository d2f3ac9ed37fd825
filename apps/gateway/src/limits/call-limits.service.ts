import type { AppError, Caller } from '@tollgate/contracts';
import { Plans, UsageReader } from '@tollgate/metering';
import { Inject, Injectable } from '@nestjs/common';
import { limitHeaders, type Quota } from './limit-headers.js';
import { LIMITS_OPTIONS, type LimitsOptions } from './limits-options.js';
import { LimitsRedis } from './limits-redis.js';
import { limitKeys } from './limit-keys.js';
import { limitRefusals } from './metrics.js';
import { rateLimitExceeded } from './rate-limit-error.js';
import { RunningCalls, SLOT_LEASE_MS } from './running-calls.js';

type LimitName = 'any' | 'minute' | 'day' | 'at_once';

/** A call that was let in. */
export interface AdmittedCall {
  /** @param options.giveBack nothing was served: the day does not count it */
  end(options: { giveBack: boolean }): Promise<void>;
}

/**
 * The plan's requests a minute, calls a UTC day and calls at once, over all replicas, in one round trip to Redis.
 *
 * A slot of "at once" is a lease that its gateway renews: those of a killed gateway are free again after {@link
 * SLOT_LEASE_MS}. The day's calls are asked from the ledger once when Redis does not know them.
 */
@Injectable()
export class CallLimits {
  constructor(
    @Inject(LIMITS_OPTIONS) private readonly options: LimitsOptions,
    private readonly redis: LimitsRedis,
    private readonly running: RunningCalls,
    private readonly plans: Plans,
    private readonly usage: UsageReader,
  ) {}

  /**
   * Raises `rate_limit_exceeded`, or `unavailable` within a quarter of a second when Redis does not answer.
   * @param onQuotas is told what is left, as headers, whatever the verdict
   */
  async admit(
    caller: Caller,
    callId: string,
    onQuotas: (headers: Record<string, string>) => void,
  ): Promise<AdmittedCall> {
    const plan = await this.plans.current(caller.tier);
    const max = {
      any: this.options.requestsMax,
      minute: plan.requestsPerMinute,
      day: plan.callsPerDay,
      at_once: plan.concurrentRequests,
    };
    const [verdict, ...counts] = await this.take(caller, callId, max);
    const quotas = quotasOf(max, counts, this.options.windowSeconds);
    onQuotas(limitHeaders([quotas.minute, quotas.day, quotas.at_once]));
    if (isLimitName(verdict)) throw refusal(verdict, quotas[verdict], caller.tier);
    this.running.add(caller.account_id, callId);
    return { end: ({ giveBack }) => this.running.end(caller.account_id, callId, giveBack) };
  }

  private async take(caller: Caller, callId: string, max: Record<LimitName, number>) {
    const answer = await this.ask(caller, callId, max, '');
    if (answer[0] !== 'day_unknown') return answer;
    // A replica may be told at the same moment, and calls go on meanwhile: whoever comes first is believed.
    const { day } = await this.usage.forAccount(caller.account_id);
    return this.ask(caller, callId, max, day.calls + day.heldCalls);
  }

  private ask({ account_id: accountId }: Caller, callId: string, max: Record<LimitName, number>, today: number | '') {
    const keys = limitKeys(accountId);
    return this.redis.ask(
      (redis) =>
        redis.takeCall(
          keys.any,
          keys.minute,
          keys.day,
          keys.running,
          max.any,
          this.options.windowSeconds * 1_000,
          max.minute,
          max.day,
          max.at_once,
          SLOT_LEASE_MS,
          callId,
          today,
        ),
      () => void this.running.end(accountId, callId, true),
    );
  }
}

function quotasOf(max: Record<LimitName, number>, counts: number[], anyWindowSeconds: number) {
  const [anyEndsInMs = 0, minute = 0, minuteEndsInMs = 0, day = 0, dayEndsInMs = 0, running = 0] = counts;
  return {
    any: { name: 'any', max: max.any, used: max.any, endsInMs: anyEndsInMs, windowSeconds: anyWindowSeconds },
    minute: { name: 'minute', max: max.minute, used: minute, endsInMs: minuteEndsInMs, windowSeconds: 60 },
    day: { name: 'day', max: max.day, used: day, endsInMs: dayEndsInMs, windowSeconds: 86_400 },
    at_once: { name: 'at-once', max: max.at_once, used: running, endsInMs: running < max.at_once ? 0 : 1_000 },
  } satisfies Record<LimitName, Quota>;
}

const refusedBecause: Record<LimitName, (max: number, tier: string) => string> = {
  any: (max) => `More than ${max} requests of this account in a short time.`,
  minute: (max, tier) => `The plan "${tier}" allows ${max} requests a minute.`,
  day: (max, tier) => `The plan "${tier}" allows ${max} calls a day (UTC).`,
  at_once: (max, tier) => `The plan "${tier}" allows ${max} calls at once.`,
};

function refusal(limit: LimitName, quota: Quota, tier: string): AppError {
  limitRefusals.inc({ limit });
  return rateLimitExceeded(refusedBecause[limit](quota.max, tier), {
    limit: quota.max,
    limitName: quota.name,
    waitMs: quota.endsInMs,
    tier,
    isWorthRetrying: limit !== 'day',
  });
}

function isLimitName(verdict: string): verdict is LimitName {
  return Object.hasOwn(refusedBecause, verdict);
}
