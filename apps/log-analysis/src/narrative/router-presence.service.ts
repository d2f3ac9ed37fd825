import { AppError, selectModel } from '@tollgate/contracts';
import { Messages } from '@tollgate/messaging';
import { Injectable } from '@nestjs/common';

/** A router that is restarted is missed for less than this. */
const MISSED_MS = 3_000;
const CHECK_EVERY_MS = 500;

/** Notices that there is no router any more, so that nobody waits for one until the deadline. */
@Injectable()
export class RouterPresence {
  private missingSince: number | undefined;

  constructor(private readonly messages: Messages) {}

  /** Runs `work` and gives it up with `no_model_available` when there has been no router for three seconds. */
  async whileThere<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    const gone = new AbortController();
    const check = () => void this.isGone().then((isGone) => isGone && gone.abort());
    const timer = setInterval(check, CHECK_EVERY_MS);
    check();
    try {
      return await work(gone.signal);
    } catch (error) {
      if (!gone.signal.aborted) throw error;
      throw new AppError('no_model_available', 'No process that reaches models is running.', { cause: error });
    } finally {
      clearInterval(timer);
    }
  }

  /** Never rejects: while Redis is away nothing is known. */
  private async isGone(): Promise<boolean> {
    const isThere = await this.messages.isServed(selectModel).catch(() => true);
    const now = Date.now();
    this.missingSince = isThere ? undefined : (this.missingSince ?? now);
    return this.missingSince !== undefined && now - this.missingSince >= MISSED_MS;
  }
}
