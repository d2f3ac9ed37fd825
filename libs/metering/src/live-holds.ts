import { asService, Database } from '@tollgate/database';
import { Logger } from '@tollgate/observability';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Hold } from './hold.js';
import { HOLD_LEASE_MS } from './hold.js';

/** So that at least two refreshes of a lease may fail. */
const REFRESHES_PER_LEASE = 3;
/** What was generated since the last one is what a crash loses: it would be billed to nobody. */
const REFRESH_EVERY_MS_MAX = 1_000;

/** The holds of this process whose attempts run: one statement refreshes them all. */
@Injectable()
export class LiveHolds implements OnApplicationShutdown {
  private readonly live = new Map<Hold, () => number>();
  private timer: NodeJS.Timeout | undefined;
  private isRefreshing = false;

  constructor(
    private readonly database: Database,
    private readonly logger: Logger,
    @Inject(HOLD_LEASE_MS) private readonly leaseMs: number,
  ) {}

  /**
   * Keeps the hold from lapsing until the returned function is called; call it before the hold ends.
   * @param countGenerated how many tokens the provider has sent by now; what a crash leaves to be billed
   */
  keep(hold: Hold, countGenerated: () => number): () => void {
    this.live.set(hold, countGenerated);
    const everyMs = Math.min(this.leaseMs / REFRESHES_PER_LEASE, REFRESH_EVERY_MS_MAX);
    this.timer ??= setInterval(() => void asService(() => this.refresh()), everyMs);
    return () => {
      this.live.delete(hold);
      if (this.live.size === 0) this.stopTimer();
    };
  }

  onApplicationShutdown(): void {
    this.stopTimer();
  }

  private stopTimer(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** A hold that somebody is ending at this moment is skipped, so that nobody waits for anybody here. */
  private async refresh(): Promise<void> {
    if (this.isRefreshing) return;
    this.isRefreshing = true;
    const batch = JSON.stringify(
      [...this.live].map(([{ callId, attemptNumber }, countGenerated]) => ({
        call_id: callId,
        attempt_number: attemptNumber,
        tokens_generated: countGenerated(),
      })),
    );
    try {
      await this.database.$executeRaw`
        WITH live AS (
          SELECT hold.call_id, hold.attempt_number, item.tokens_generated
          FROM jsonb_to_recordset(${batch}::jsonb) AS item(call_id uuid, attempt_number smallint, tokens_generated int)
          JOIN hold ON hold.call_id = item.call_id AND hold.attempt_number = item.attempt_number
          FOR UPDATE OF hold SKIP LOCKED
        )
        UPDATE hold SET lease_until = clock_timestamp() + ${this.leaseMs} * interval '1 millisecond',
          tokens_generated = greatest(hold.tokens_generated, live.tokens_generated)
        FROM live WHERE hold.call_id = live.call_id AND hold.attempt_number = live.attempt_number`;
    } catch (error) {
      this.logger.warn('the holds of running attempts could not be refreshed', { err: error });
    } finally {
      this.isRefreshing = false;
    }
  }
}
