import { UsageReader } from '@tollgate/metering';
import { Injectable } from '@nestjs/common';
import { CountersRedis } from './counters-redis.js';
import { limitKeys } from './limit-keys.js';
import { RunningCalls, SLOT_LEASE_MS } from './running-calls.js';

/** What may be taken at most. */
export interface CallMaxima {
  minute: number;
  /** A UTC day. */
  day: number;
  atOnce: number;
  /** Requests of any kind in a window; absent for a call that is no request of a client. */
  any?: { requests: number; windowMs: number } | undefined;
}

/** The limit that a call has met. */
export type CallLimit = 'any' | 'minute' | 'day' | 'at_once';

/** What is used of each limit, this call included if it was admitted, and in how many ms some of it is there again. */
export interface CallCounts {
  anyEndsInMs: number;
  minute: number;
  minuteEndsInMs: number;
  day: number;
  dayEndsInMs: number;
  running: number;
}

export interface SlotAnswer {
  /** Undefined when the call was admitted: then its slot must be ended. */
  refusedBy: CallLimit | undefined;
  counts: CallCounts;
}

const callLimits: readonly string[] = ['any', 'minute', 'day', 'at_once'] satisfies CallLimit[];

/**
 * The calls of an account, counted a minute, a UTC day and at once over all processes, in one round trip to Redis.
 *
 * A slot of "at once" is a lease that its process renews: those of a killed process are free again after {@link
 * SLOT_LEASE_MS}. The day's calls are asked from the ledger once when Redis does not know them.
 */
@Injectable()
export class CallSlots {
  constructor(
    private readonly redis: CountersRedis,
    private readonly running: RunningCalls,
    private readonly usage: UsageReader,
  ) {}

  /** Takes one call from every limit, or nothing from any. Raises `unavailable` within a quarter of a second when Redis does not answer. */
  async take(accountId: string, callId: string, max: CallMaxima): Promise<SlotAnswer> {
    const [verdict, ...counts] = await this.askUntilEndsAreCounted(accountId, callId, max);
    const refusedBy = isCallLimit(verdict) ? verdict : undefined;
    if (!refusedBy) this.running.add(accountId, callId);
    const [anyEndsInMs = 0, minute = 0, minuteEndsInMs = 0, day = 0, dayEndsInMs = 0, running = 0] = counts;
    return { refusedBy, counts: { anyEndsInMs, minute, minuteEndsInMs, day, dayEndsInMs, running } };
  }

  /**
   * Does not throw: a slot that cannot be freed now is free when its lease ends.
   * @param options.giveBack nothing was served: the day does not count it
   */
  end(accountId: string, callId: string, { giveBack }: { giveBack: boolean }): Promise<void> {
    return this.running.end(accountId, callId, giveBack);
  }

  /**
   * The end of a call may have left another process before this call came, and be read after it: Redis does not read its
   * connections in the order in which they were written. When it answers, it has read all that came before the question.
   */
  private async askUntilEndsAreCounted(accountId: string, callId: string, max: CallMaxima) {
    const first = await this.askKnowingTheDay(accountId, callId, max);
    if (first[0] !== 'at_once') return first;
    const [verdict, , ...counts] = await this.askKnowingTheDay(accountId, callId, { ...max, any: undefined });
    return [verdict, first[1] ?? 0, ...counts] as const;
  }

  private async askKnowingTheDay(accountId: string, callId: string, max: CallMaxima) {
    const answer = await this.ask(accountId, callId, max, '');
    if (answer[0] !== 'day_unknown') return answer;
    // A replica may be told at the same moment, and calls go on meanwhile: whoever comes first is believed.
    const { day } = await this.usage.forAccount(accountId);
    return this.ask(accountId, callId, max, day.calls + day.heldCalls);
  }

  private ask(accountId: string, callId: string, max: CallMaxima, today: number | '') {
    const keys = limitKeys(accountId);
    return this.redis.ask(
      (redis) =>
        redis.takeCall(
          keys.any,
          keys.minute,
          keys.day,
          keys.running,
          max.any?.requests ?? '',
          max.any?.windowMs ?? 0,
          max.minute,
          max.day,
          max.atOnce,
          SLOT_LEASE_MS,
          callId,
          today,
        ),
      () => void this.running.end(accountId, callId, true),
    );
  }
}

function isCallLimit(verdict: string): verdict is CallLimit {
  return callLimits.includes(verdict);
}
