import { AppError } from '@tollgate/contracts';
import { Database } from '@tollgate/database';
import { Logger } from '@tollgate/observability';
import { Inject, Injectable } from '@nestjs/common';
import { HOLD_LEASE_MS, type Hold, type HoldRequest } from './hold.js';
import { HoldEnds } from './hold-ends.js';
import { LedgerBatches } from './ledger-batches.js';
import { quotaExceeded, type Verdict } from './quota-exceeded.js';

const ANSWER_WITHIN_MS = 5_000;

/** Admission: nothing is sent to a provider before what it may cost is kept free in every window of its account. */
@Injectable()
export class Holds {
  constructor(
    private readonly database: Database,
    private readonly batches: LedgerBatches,
    private readonly ends: HoldEnds,
    private readonly logger: Logger,
    @Inject(HOLD_LEASE_MS) private readonly leaseMs: number,
  ) {}

  /**
   * Admitted only if spent + held + this stays within the month's tokens and the day's calls of the account's plan as it is
   * now. Committed when it resolves, and with it that the provider may have been called.
   *
   * Raises `insufficient_quota` with the limit that is in the way, or `unavailable` when Postgres does not answer within 5 s.
   */
  async take(request: HoldRequest): Promise<Hold> {
    const verdict = await this.answerInTime(request);
    if (verdict.verdict !== 'admitted') throw quotaExceeded(verdict, request);
    const { tier, month_start: monthStart, day, taken_at: takenAt } = verdict;
    return { ...request, tier, monthStart, day, takenAt };
  }

  /** Commits that the provider is about to be called. Raises `unavailable` when the hold has lapsed: then it must not be. */
  async markDispatched({ callId, attemptNumber }: Hold): Promise<void> {
    const marked = await this.database.$executeRaw`
      UPDATE hold SET dispatched_at = clock_timestamp(), lease_until = clock_timestamp() + ${this.leaseMs} * interval '1 millisecond'
      WHERE call_id = ${callId}::uuid AND attempt_number = ${attemptNumber}`;
    if (marked === 0)
      throw new AppError('unavailable', 'The request waited too long to be sent.', { retryAfterSeconds: 1 });
  }

  /** Nothing was sent: as if it had never been taken. */
  async release({ callId, attemptNumber, accountId }: HoldRequest): Promise<void> {
    await this.ends.end({ callId, attemptNumber, accountId });
  }

  private async answerInTime(request: HoldRequest): Promise<Verdict> {
    const asked = this.batches.take(request);
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      const tooLate = () =>
        reject(new AppError('unavailable', 'The ledger does not answer.', { retryAfterSeconds: 1 }));
      timer = setTimeout(tooLate, ANSWER_WITHIN_MS);
    });
    try {
      return await Promise.race([asked, timeout]);
    } catch (error) {
      void this.releaseUnanswered(request, asked);
      throw AppError.fromUnknown(error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** It may have been taken all the same. Left alone it would lapse, and be settled as if the provider had been called. */
  private async releaseUnanswered(request: HoldRequest, asked: Promise<Verdict>): Promise<void> {
    try {
      await asked.catch(() => undefined);
      await this.release(request);
    } catch (error) {
      this.logger.error('a hold of an unanswered request could not be released', { err: error });
    }
  }
}
