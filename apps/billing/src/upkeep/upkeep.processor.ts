import { Logger } from '@tollgate/observability';
import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Queue, QueueEvents, Worker } from 'bullmq';
import { JobRedis } from './job-redis.js';
import { metrics } from './metrics.js';
import { showMeasurement } from './show-measurement.js';
import type { JobTable } from './upkeep-jobs.service.js';

/** Every job of this app, by its name. */
export const JOBS = Symbol('jobs');

const QUEUE = 'upkeep';
/** In braces: all keys of the queue in one slot of a cluster. */
const PREFIX = '{tollgate-jobs}';
/** Of a replica that was killed: its job is run again after this. */
const LOCK_MS = 10_000;
/** It is seen at the second look after that; the locks of those that live are renewed and stay. */
const STALLED_CHECK_MS = 2_000;
/** A job that waits for Postgres must not hold up the others. */
const JOBS_AT_ONCE = 4;

/**
 * Runs the upkeep jobs. Any number of replicas share one schedule in Redis; what Redis loses in a restart is written again as soon
 * as it is back.
 */
@Injectable()
export class UpkeepProcessor implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly queue: Queue;
  private readonly events: QueueEvents;
  private readonly worker: Worker;

  constructor(
    private readonly redis: JobRedis,
    @Inject(JOBS) private readonly jobs: JobTable,
    private readonly logger: Logger,
  ) {
    const { connection } = redis;
    const options = { connection, prefix: PREFIX };
    this.queue = new Queue(QUEUE, options);
    this.events = new QueueEvents(QUEUE, { ...options, autorun: false });
    this.worker = new Worker(QUEUE, (job) => this.run(job.name), {
      ...options,
      autorun: false,
      concurrency: JOBS_AT_ONCE,
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_CHECK_MS,
    });
    const onError = (error: Error) => this.logger.debug('the job queue cannot be reached', { err: error });
    this.queue.on('error', onError);
    this.events.on('error', onError);
    this.worker.on('error', onError);
  }

  onApplicationBootstrap(): void {
    this.events.on('completed', ({ returnvalue }) => showMeasurement(returnvalue));
    this.redis.connection.on('ready', () => void this.schedule());
    if (this.redis.connection.status === 'ready') void this.schedule();
    void this.worker.run().catch((error: unknown) => this.logger.error('the job worker has stopped', { err: error }));
    void this.events.run().catch((error: unknown) => this.logger.error('job events have stopped', { err: error }));
  }

  /** A job that runs is finished. */
  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all([this.worker.close(), this.events.close(), this.queue.close()]);
  }

  private async schedule(): Promise<void> {
    try {
      for (const [name, { schedule }] of Object.entries(this.jobs)) {
        const opts = { removeOnComplete: true, removeOnFail: { count: 100 } };
        await this.queue.upsertJobScheduler(name, schedule, { name, opts });
      }
    } catch (error) {
      this.logger.warn('the jobs could not be scheduled; tried again when Redis is back', { err: error });
    }
  }

  private async run(name: string): Promise<unknown> {
    const job = this.jobs[name];
    if (!job) throw new Error(`there is no job "${name}"`);
    try {
      const result = await job.run();
      metrics.jobs.inc({ job: name, outcome: 'completed' });
      return { job: name, ...result };
    } catch (error) {
      metrics.jobs.inc({ job: name, outcome: 'failed' });
      this.logger.error('a job failed', { job: name, err: error });
      throw error;
    }
  }
}
