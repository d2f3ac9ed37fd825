import { Database } from '@tollgate/database';
import { Logger } from '@tollgate/observability';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { DelayedError, Queue, Worker, type Job } from 'bullmq';
import { setTimeout as sleep } from 'node:timers/promises';
import { DispatchDelivery } from './dispatch-delivery.service.js';

export const DISPATCH_REDIS_URL = Symbol('dispatch redis url');

const QUEUE = 'chat-dispatches';
const PREFIX = 'tollgate';
/** Of one replica. */
const AT_ONCE = 16;
/** Longer than an attempt may take; one whose replica died is taken over after it and the check. */
const LOCK_MS = 30_000;
const STALLED_CHECK_MS = 3_000;
const SWEEP_MS = 30_000;
const SWEEP_COUNT = 1_000;
const ADD_WAIT_MS = 1_000;
/** When Postgres was away. */
const RETRY_MS = 5_000;

/**
 * Which replica makes which attempt when. What is to be sent stands in Postgres: what Redis forgets is queued again at
 * the start and every half minute. So an object may be sent twice, and never not at all; its idempotency key stays the same.
 */
@Injectable()
export class DispatchQueue implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly queue: Queue;
  private readonly worker: Worker<{ id: string }>;
  private sweepTimer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(DISPATCH_REDIS_URL) url: string,
    private readonly database: Database,
    private readonly delivery: DispatchDelivery,
    private readonly logger: Logger,
  ) {
    const connection = { url, maxRetriesPerRequest: null };
    this.queue = new Queue(QUEUE, { prefix: PREFIX, connection });
    this.worker = new Worker<{ id: string }>(QUEUE, (job, token) => this.process(job, token), {
      prefix: PREFIX,
      connection,
      autorun: false,
      concurrency: AT_ONCE,
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_CHECK_MS,
    });
    this.queue.on('error', (error) => this.logger.debug('the queue of dispatches', { err: error }));
    this.worker.on('error', (error) => this.logger.warn('the worker of dispatches', { err: error }));
  }

  async onApplicationBootstrap(): Promise<void> {
    this.worker.run().catch((error: unknown) => this.logger.error('the worker of dispatches ended', { err: error }));
    this.sweepTimer = setInterval(() => void this.sweep(), SWEEP_MS);
    this.sweepTimer.unref();
    await this.sweep();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.sweepTimer);
    await this.worker.close();
    await this.queue.close();
  }

  /** Never rejects, and hardly waits: what cannot be queued now is queued when Redis is back. */
  async add(id: string): Promise<void> {
    const retry = { attempts: Number.MAX_SAFE_INTEGER, backoff: { type: 'fixed', delay: RETRY_MS } };
    const added = this.queue
      .add('deliver', { id }, { jobId: id, ...retry, removeOnComplete: true, removeOnFail: true })
      .catch((error: unknown) => this.logger.warn('a dispatch could not be queued yet', { id, err: error }));
    await Promise.race([added, sleep(ADD_WAIT_MS, undefined, { ref: false })]);
  }

  private async process(job: Job<{ id: string }>, token: string | undefined): Promise<void> {
    const waitMs = await this.delivery.attempt(job.data.id);
    if (waitMs === undefined) return;
    await job.moveToDelayed(Date.now() + waitMs, token);
    throw new DelayedError();
  }

  /** Adding what is queued already changes nothing. Never rejects. */
  private async sweep(): Promise<void> {
    try {
      const rows = await this.database.chatDispatch.findMany({
        where: { state: 'pending' },
        orderBy: { createdAt: 'asc' },
        select: { id: true },
        take: SWEEP_COUNT,
      });
      for (const { id } of rows) await this.add(id);
    } catch (error) {
      this.logger.warn('dispatches could not be looked through', { err: error });
    }
  }
}
