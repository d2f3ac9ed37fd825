import { AppError } from '@tollgate/contracts';
import type { ChatMessage } from '@tollgate/database';
import { Logger } from '@tollgate/observability';
import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { AnswerEvents } from '../coordination/answer-events.js';
import { metrics } from '../coordination/metrics.js';
import { LEASE_MS, SessionLocks, type SessionLock } from '../coordination/session-locks.js';
import { AnswerUsage } from './answer-usage.service.js';
import { TurnStore } from './turn-store.js';

const SWEEP_MS = 1_000;
const SWEEP_COUNT = 200;
/** Of sweeps: nobody waits for the tokens of an answer whose process died. */
const FILL_IN_EVERY = 5;
const NIL_ID = '00000000-0000-0000-0000-000000000000';

/**
 * Ends the answers of replicas that died: failed, with everything that any reader can have seen, and with what they took as
 * soon as the ledger knows. The next turn of the session ends them too, and earlier.
 */
@Injectable()
export class Recovery implements OnApplicationBootstrap, OnApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;
  private sweeps = 0;
  private sweeping: Promise<void> = Promise.resolve();

  constructor(
    private readonly store: TurnStore,
    private readonly events: AnswerEvents,
    private readonly locks: SessionLocks,
    private readonly usage: AnswerUsage,
    private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => {
      this.sweeping = this.sweeping.then(() => this.sweep());
    }, SWEEP_MS);
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.sweeping;
  }

  /** The lock of its session must be held. */
  async end({ id: messageId, sessionId, content }: ChatMessage): Promise<void> {
    const address = { sessionId, messageId };
    // First, so that a writer who only stood still can show nobody more than what is stored.
    await this.events.seal(address);
    const streamed = await this.events.text(address);
    const longest = streamed.length > content.length ? streamed : content;
    if (!(await this.store.finish(messageId, { state: 'failed', content: longest, errorCode: 'replica_lost' }))) return;
    metrics.recovered.inc();
    this.logger.warn('An answer was left unfinished by its replica.', { ...address, characters: longest.length });
  }

  private async sweep(): Promise<void> {
    try {
      const startedBefore = new Date(Date.now() - LEASE_MS);
      let page: ChatMessage[] = [];
      do {
        page = await this.store.listRunning(startedBefore, page.at(-1)?.id ?? NIL_ID, SWEEP_COUNT);
        for (const message of page) if (!(await this.locks.isTaken(message.sessionId))) await this.endAlone(message);
      } while (page.length === SWEEP_COUNT);
      this.sweeps += 1;
      if (this.sweeps % FILL_IN_EVERY === 0) await this.usage.fillIn();
    } catch (error) {
      this.logger.debug('The sweep for unfinished answers failed.', { err: error });
    }
  }

  private async endAlone(message: ChatMessage): Promise<void> {
    let lock: SessionLock;
    try {
      lock = await this.locks.acquire(message.sessionId, { onConflict: 'reject', waitMs: 0 });
    } catch (error) {
      // Whoever was faster does it.
      if (AppError.fromUnknown(error).code === 'session_busy') return;
      throw error;
    }
    try {
      // Read again under the lock: it may have come to its end since.
      const current = await this.store.message(message.id);
      if (current?.state === 'running') await this.end(current);
    } finally {
      await lock.release();
    }
  }
}
