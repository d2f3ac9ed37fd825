import { setTimeout as sleep } from 'node:timers/promises';
import { Database } from '@tollgate/database';
import { Logger } from '@tollgate/observability';
import { AppError } from '@tollgate/contracts';
import { Injectable } from '@nestjs/common';
import { MicroBatch } from './micro-batch.js';
import { isRefusal } from './refusal.js';

/** The end of one hold, or an attempt that never had one. */
export interface HoldEnd {
  callId: string;
  attemptNumber: number;
  accountId: string;
  /** Its row in column names; absent when nothing was sent. */
  attempt?: Record<string, unknown>;
  /** Is the client's request a call of its day, if the row is new? */
  countsCall?: boolean;
  /** No effect unless its hold stands and has lapsed. */
  onlyLapsed?: boolean;
}

/** `none`: it had ended before. `restated`: the row said `lost` and has been corrected. */
export type HoldEndEffect = 'recorded' | 'restated' | 'released' | 'none';

const endHolds = { name: 'end_holds', text: 'SELECT ordinal, effect FROM end_holds($1)' };

const BATCH_SIZE_MAX = 200;
const RETRY_FOR_MS = 30_000;
const RETRY_EVERY_MS = 500;

/** Ends holds in batches, each in one transaction: their rows, their windows, their rollups. */
@Injectable()
export class HoldEnds {
  private readonly batch = new MicroBatch<HoldEnd, HoldEndEffect>((ends) => this.commit(ends), {
    sizeMax: BATCH_SIZE_MAX,
    isRefusal,
  });

  constructor(
    private readonly database: Database,
    private readonly logger: Logger,
  ) {}

  /** Resolves after the commit. Raises `unavailable` when Postgres stays away for 30 seconds. */
  async end(end: HoldEnd): Promise<HoldEndEffect> {
    try {
      return await this.batch.add(end);
    } catch (error) {
      // The row goes to the log, so that it can be entered by hand.
      this.logger.error('the end of an attempt could not be recorded', { err: error, attempt: end.attempt ?? end });
      if (isRefusal(error)) throw AppError.fromUnknown(error);
      throw new AppError('unavailable', 'The ledger cannot be reached.', { cause: error, retryAfterSeconds: 5 });
    }
  }

  /** Waits for a Postgres that is away: what it may have committed before the connection broke has no second effect. */
  private async commit(ends: readonly HoldEnd[]): Promise<HoldEndEffect[]> {
    const batch = JSON.stringify(ends.map(toItem));
    const giveUpAt = Date.now() + RETRY_FOR_MS;
    for (;;) {
      try {
        const rows = await this.database.runPrepared<{ ordinal: number; effect: HoldEndEffect }>(endHolds, [batch]);
        if (rows.length < ends.length) throw AppError.fromUnknown(new Error('an attempt of an unknown account'));
        const effects = new Map(rows.map(({ ordinal, effect }) => [ordinal, effect]));
        return ends.map((_, index) => effects.get(index) ?? 'none');
      } catch (error) {
        if (isRefusal(error) || error instanceof AppError || Date.now() > giveUpAt) throw error;
        this.logger.warn('the ledger cannot be reached, trying again', { err: error, attempts: ends.length });
        await sleep(RETRY_EVERY_MS);
      }
    }
  }
}

function toItem(end: HoldEnd, ordinal: number) {
  return {
    ...end.attempt,
    ordinal,
    key: `${end.callId}/${end.attemptNumber}`,
    call_id: end.callId,
    attempt_number: end.attemptNumber,
    account_id: end.accountId,
    counts_call: end.countsCall ?? false,
    only_lapsed: end.onlyLapsed ?? false,
  };
}
