import { Logger } from '@tollgate/observability';
import { WebhookSender } from '@tollgate/webhooks';
import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { DelayedError, Queue, Worker, type Job } from 'bullmq';
import { z } from 'zod';
import { JobRedis } from '../upkeep/job-redis.js';
import { metrics } from '../upkeep/metrics.js';

const QUEUE = 'webhooks';
const PREFIX = '{tollgate-jobs}';
/** Renewed while a delivery lasts. That of a replica that was killed is made by another one after this and the check. */
const LOCK_MS = 10_000;
const STALLED_CHECK_MS = 2_000;
/** Slow receivers wait for their own answers only. */
const AT_ONCE = 32;

const DeliveryJob = z.object({ deliveryId: z.string() });

/**
 * Delivers webhooks: a job of BullMQ for each delivery, delayed again after each failure. What is due stands in Postgres too, so
 * that a Redis that lost its jobs gets them again; of two jobs for one attempt the second finds nothing to do.
 */
@Injectable()
export class WebhookProcessor implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly queue: Queue;
  private readonly worker: Worker;

  constructor(
    redis: JobRedis,
    private readonly sender: WebhookSender,
    private readonly logger: Logger,
  ) {
    const connection = { connection: redis.connection, prefix: PREFIX };
    this.queue = new Queue(QUEUE, connection);
    this.worker = new Worker(QUEUE, (job, token) => this.deliver(job, token), {
      ...connection,
      autorun: false,
      concurrency: AT_ONCE,
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_CHECK_MS,
    });
    const onError = (error: Error) => this.logger.debug('the queue of webhooks cannot be reached', { err: error });
    this.queue.on('error', onError);
    this.worker.on('error', onError);
  }

  onApplicationBootstrap(): void {
    void this.worker.run().catch((error: unknown) => this.logger.error('the worker has stopped', { err: error }));
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all([this.worker.close(), this.queue.close()]);
  }

  /** Hands everything that is due to the queue. */
  async enqueueDue(): Promise<{ events: number; deliveries: number }> {
    const events = await this.sender.dispatchEvents();
    const due = await this.sender.due();
    await this.queue.addBulk(
      due.map(({ id: deliveryId, attemptsMade }) => ({
        name: 'deliver',
        data: { deliveryId },
        opts: { jobId: `${deliveryId}-${attemptsMade}`, removeOnComplete: true, removeOnFail: true },
      })),
    );
    return { events, deliveries: due.length };
  }

  private async deliver(job: Job, token: string | undefined): Promise<void> {
    const { deliveryId } = DeliveryJob.parse(job.data);
    const { outcome, retryMs } = await this.sender.attempt(deliveryId);
    if (outcome !== 'skipped') metrics.webhookAttempts.inc({ outcome });
    if (outcome === 'given_up') this.logger.warn('a webhook could not be delivered', { delivery_id: deliveryId });
    if (retryMs === undefined) return;
    await job.moveToDelayed(Date.now() + retryMs, token);
    throw new DelayedError();
  }
}
