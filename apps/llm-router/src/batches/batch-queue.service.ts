import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@tollgate/observability';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { DelayedError, Queue, Worker, type Job } from 'bullmq';
import { BatchRunner } from './batch-runner.service.js';
import { BatchStore } from './batch-store.service.js';
import { metrics } from './metrics.js';

export const BATCH_REDIS_URL = Symbol('batch redis url');

const QUEUE = 'llm-batches';
const PREFIX = 'tollgate';
/** Of one replica. */
const BATCHES_AT_ONCE = 8;
/** A batch whose replica died is taken over after this and the interval of the check. */
const LOCK_MS = 6_000;
const STALLED_CHECK_MS = 3_000;
/** Every time it is the replica that died, not the batch. */
const STALLED_MAX = 10_000;
const SWEEP_MS = 60_000;
const RETRY_MS = 5_000;
const ADD_WAIT_MS = 1_000;

/**
 * Which replica runs which batch. What is to be done stands in Postgres; the queue only says who does it, so that batches
 * go on after Redis has lost everything, too: what is not finished is queued again at the start and every minute.
 */
@Injectable()
export class BatchQueue implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly stopping = new AbortController();
  private readonly queue: Queue;
  private readonly worker: Worker<{ id: string }>;
  private sweepTimer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(BATCH_REDIS_URL) url: string,
    private readonly store: BatchStore,
    private readonly runner: BatchRunner,
    private readonly logger: Logger,
  ) {
    this.queue = new Queue(QUEUE, { prefix: PREFIX, connection: { url, maxRetriesPerRequest: null } });
    this.worker = new Worker<{ id: string }>(QUEUE, (job, token) => this.process(job, token), {
      prefix: PREFIX,
      connection: { url, maxRetriesPerRequest: null },
      autorun: false,
      concurrency: BATCHES_AT_ONCE,
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_CHECK_MS,
      maxStalledCount: STALLED_MAX,
    });
    this.queue.on('error', (error) => this.logger.debug('the queue of batches', { err: error }));
    this.worker.on('error', (error) => this.logger.warn('the worker of batches', { err: error }));
    this.worker.on('failed', (job, error) => this.logger.error('a batch failed', { batch: job?.id, err: error }));
  }

  async onApplicationBootstrap(): Promise<void> {
    this.worker.run().catch((error: unknown) => this.logger.error('the worker of batches ended', { err: error }));
    this.sweepTimer = setInterval(() => void this.sweep(), SWEEP_MS);
    this.sweepTimer.unref();
    await this.sweep();
  }

  /** What is being asked is finished; the rest of the batch goes on elsewhere. */
  async onModuleDestroy(): Promise<void> {
    clearInterval(this.sweepTimer);
    this.stopping.abort();
    await this.worker.close();
    await this.queue.close();
  }

  /** Never rejects, and hardly waits: a batch that cannot be queued now is queued when Redis is back. */
  async add(id: string): Promise<void> {
    const options = { jobId: id, attempts: Number.MAX_SAFE_INTEGER, backoff: { type: 'fixed', delay: RETRY_MS } };
    const added = this.queue
      .add('run', { id }, { ...options, removeOnComplete: true, removeOnFail: true })
      .catch((error: unknown) => this.logger.warn('a batch could not be queued yet', { batch: id, err: error }));
    await Promise.race([added, sleep(ADD_WAIT_MS, undefined, { ref: false })]);
  }

  private async process(job: Job<{ id: string }>, token: string | undefined): Promise<void> {
    metrics.running.inc();
    try {
      const end = await this.runner.run(job.data.id, {
        stopping: this.stopping.signal,
        assertOurs: async () => {
          if (!(await job.extendLock(token ?? '', LOCK_MS))) throw new Error('another replica runs this batch');
        },
      });
      if (end === 'finished') return;
      await job.moveToDelayed(Date.now() + end.againInMs, token);
    } finally {
      metrics.running.dec();
    }
    throw new DelayedError();
  }

  /** Queues what is not finished and forgets what is too old. Never rejects. */
  async sweep(): Promise<void> {
    try {
      await this.store.deleteExpired();
      for (const id of await this.store.unfinishedIds()) await this.add(id);
    } catch (error) {
      this.logger.warn('batches could not be looked through', { err: error });
    }
  }
}
