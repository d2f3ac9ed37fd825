import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '@tollgate/contracts';
import { Logger } from '@tollgate/observability';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Queue, Worker, type Job } from 'bullmq';
import { LogStore } from '../uploads/log-store.service.js';
import { READERS_MAX } from '../reading/log-reader.service.js';
import { JobRunner, type Step } from './job-runner.service.js';
import { JobStore } from './job-store.service.js';

export const JOBS_REDIS_URL = Symbol('redis of the jobs');

const QUEUE = 'log-jobs';
const PREFIX = 'tollgate';
/** A step whose replica died is taken over after this and the interval of the check. */
const LOCK_MS = 6_000;
const STALLED_CHECK_MS = 3_000;
/** Replicas that may die over one step before the step counts as what kills them. */
const STALLED_MAX = 10;
const ATTEMPTS_MAX = 20;
const RETRY_MS = 3_000;
const SWEEP_MS = 5_000;
const ADD_WAIT_MS = 1_000;

/**
 * Which replica does which step of which job. What is to be done stands in Postgres; the queue only says who does it, so
 * that jobs go on after Redis has lost everything: what is not finished is queued again at the start and every few seconds.
 */
@Injectable()
export class JobQueue implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly queue: Queue<Step>;
  private readonly worker: Worker<Step>;
  private sweepTimer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(JOBS_REDIS_URL) url: string,
    @Inject(READERS_MAX) readersMax: number,
    private readonly jobs: JobStore,
    private readonly logs: LogStore,
    private readonly runner: JobRunner,
    private readonly logger: Logger,
  ) {
    const connection = { url, maxRetriesPerRequest: null };
    this.queue = new Queue<Step>(QUEUE, { prefix: PREFIX, connection });
    this.worker = new Worker<Step>(QUEUE, (job) => this.process(job), {
      prefix: PREFIX,
      connection,
      autorun: false,
      concurrency: readersMax,
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_CHECK_MS,
      maxStalledCount: STALLED_MAX,
    });
    this.queue.on('error', (error) => this.logger.debug('the queue of log jobs', { err: error }));
    this.worker.on('error', (error) => this.logger.warn('the worker of log jobs', { err: error }));
    this.worker.on('failed', (job, error) => void this.giveUp(job, error));
  }

  async onApplicationBootstrap(): Promise<void> {
    this.worker.run().catch((error: unknown) => this.logger.error('the worker of log jobs ended', { err: error }));
    this.sweepTimer = setInterval(() => void this.sweep(), SWEEP_MS);
    this.sweepTimer.unref();
    await this.sweep();
  }

  /** A step that runs is finished first. */
  async onModuleDestroy(): Promise<void> {
    clearInterval(this.sweepTimer);
    await this.worker.close();
    await this.queue.close();
  }

  /** Queues whatever a job needs next. Never rejects, and hardly waits: what cannot be queued now is queued when Redis is back. */
  async advance(id: string): Promise<void> {
    const added = this.nextSteps(id)
      .then((steps) => Promise.all(steps.map((step) => this.add(step))))
      .catch((error: unknown) => this.logger.warn('a log job could not be queued yet', { job: id, err: error }));
    await Promise.race([added, sleep(ADD_WAIT_MS, undefined, { ref: false })]);
  }

  private async nextSteps(id: string): Promise<Step[]> {
    const job = await this.jobs.load(id);
    if (!job || job.isFinished) return [];
    if (!job.format) return [{ id, kind: 'learn' }];
    if (job.pendingParts.length === 0) return [{ id, kind: 'finish' }];
    return job.pendingParts.map((part) => ({ id, kind: 'part', part }));
  }

  /** A step that is queued or runs is not queued again. */
  private async add(step: Step): Promise<void> {
    const jobId = step.kind === 'part' ? `${step.id}-${step.part}` : `${step.id}-${step.kind}`;
    const retry = { attempts: ATTEMPTS_MAX, backoff: { type: 'fixed', delay: RETRY_MS } };
    await this.queue.add(step.kind, step, { jobId, ...retry, removeOnComplete: true, removeOnFail: true });
  }

  private async process({ data: step }: Job<Step>): Promise<void> {
    const outcome = await this.runner.run(step);
    if (outcome === 'goes on') await this.advance(step.id);
  }

  private async giveUp(job: Job<Step> | undefined, error: Error): Promise<void> {
    this.logger.warn('a step of a log job failed', { job: job?.id, err: error });
    const isLast = job && (job.attemptsMade >= ATTEMPTS_MAX || error.message.includes('stalled'));
    if (!isLast) return;
    const failure = new AppError('internal', 'The log could not be read.', { cause: error });
    await this.jobs
      .finish(job.data.id, { error: failure })
      .catch((lost: unknown) => this.logger.error('a log job could not be given up', { job: job.id, err: lost }));
  }

  /** Queues what is not finished and forgets what is too old. Never rejects. */
  private async sweep(): Promise<void> {
    try {
      await Promise.all([this.jobs.deleteExpired(), this.logs.deleteExpired()]);
      for (const id of await this.jobs.unfinishedIds()) await this.advance(id);
    } catch (error) {
      this.logger.warn('log jobs could not be looked through', { err: error });
    }
  }
}
