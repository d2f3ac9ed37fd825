import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '@tollgate/contracts';
import { Logger } from '@tollgate/observability';
import { Injectable } from '@nestjs/common';
import type { HoldEnd, HoldEndEffect } from './hold-end.js';
import { LedgerBatches } from './ledger-batches.js';
import { isRefusal } from './refusal.js';

const RETRY_FOR_MS = 30_000;
const RETRY_EVERY_MS = 500;

/** Ends holds: their rows, their windows, their rollups, in one transaction. */
@Injectable()
export class HoldEnds {
  constructor(
    private readonly batches: LedgerBatches,
    private readonly logger: Logger,
  ) {}

  /** Resolves after the commit. Raises `unavailable` when Postgres stays away for 30 seconds. */
  async end(end: HoldEnd): Promise<HoldEndEffect> {
    try {
      return await this.endPatiently(end);
    } catch (error) {
      // The row goes to the log, so that it can be entered by hand.
      this.logger.error('the end of an attempt could not be recorded', { err: error, attempt: end.attempt ?? end });
      if (isRefusal(error)) throw AppError.fromUnknown(error);
      throw new AppError('unavailable', 'The ledger cannot be reached.', { cause: error, retryAfterSeconds: 5 });
    }
  }

  /** Waits for a Postgres that is away: what it may have committed before the connection broke has no second effect. */
  private async endPatiently(end: HoldEnd): Promise<HoldEndEffect> {
    const giveUpAt = Date.now() + RETRY_FOR_MS;
    for (;;) {
      try {
        return await this.batches.end(end);
      } catch (error) {
        if (isRefusal(error) || error instanceof AppError || Date.now() > giveUpAt) throw error;
        this.logger.warn('the ledger cannot be reached, trying again', { err: error });
        await sleep(RETRY_EVERY_MS);
      }
    }
  }
}
