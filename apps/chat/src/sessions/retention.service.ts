import { Database } from '@tollgate/database';
import { Logger } from '@tollgate/observability';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { metrics } from '../coordination/metrics.js';

export const RETENTION_DAYS = Symbol('retention days');

const SWEEP_MS = 60 * 60_000;
const DAY_MS = 86_400_000;
/** In one statement, so that no sweep holds many locks or writes for long. */
const SESSIONS_PER_STATEMENT = 500;

/**
 * Deletes sessions that nobody has used for the configured days. Redis needs no sweep: what it has of an answer expires
 * within the replay time. Replicas may sweep at once: each skips what another has in hand.
 */
@Injectable()
export class Retention implements OnApplicationBootstrap, OnApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: Database,
    private readonly logger: Logger,
    @Inject(RETENTION_DAYS) private readonly days: number,
  ) {}

  onApplicationBootstrap(): void {
    if (this.days === 0) return;
    this.timer = setInterval(() => void this.sweepOrLog(), SWEEP_MS);
    // Also now: replicas that are replaced often would never come to it.
    void this.sweepOrLog();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** How many sessions it deleted. */
  async sweep(now = Date.now()): Promise<number> {
    const usedBefore = new Date(now - this.days * DAY_MS);
    let deleted = 0;
    for (;;) {
      const count = await this.database.$executeRaw`
        DELETE FROM chat_session WHERE id IN (
          SELECT id FROM chat_session WHERE last_active < ${usedBefore} LIMIT ${SESSIONS_PER_STATEMENT} FOR UPDATE SKIP LOCKED)`;
      deleted += count;
      metrics.sessionsExpired.inc(count);
      if (count < SESSIONS_PER_STATEMENT) return deleted;
    }
  }

  private async sweepOrLog(): Promise<void> {
    try {
      const deleted = await this.sweep();
      if (deleted > 0) this.logger.log('Expired chat sessions were deleted.', { sessions: deleted });
    } catch (error) {
      this.logger.warn('The sweep of expired chat sessions failed.', { err: error });
    }
  }
}
