import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Redis } from 'ioredis';

const RECONNECT_DELAY_MAX_MS = 300;
const ANSWER_WITHIN_MS = 1_000;

/** The Redis of the jobs. BullMQ wants commands to wait while it is away. */
@Injectable()
export class JobRedis implements OnApplicationShutdown {
  readonly connection: Redis;

  constructor(url: string) {
    this.connection = new Redis(url, {
      maxRetriesPerRequest: null,
      maxLoadingRetryTime: 100,
      retryStrategy: (attempt) => Math.min(20 * 2 ** Math.min(attempt, 6), RECONNECT_DELAY_MAX_MS),
    });
    this.connection.on('error', () => undefined); // The readiness probe says it; ioredis would print each one.
  }

  /** For readiness: rejects when Redis does not answer within a second. */
  async ping(): Promise<void> {
    const answered = new AbortController();
    const timeout = sleep(ANSWER_WITHIN_MS, undefined, { signal: answered.signal }).then(() => {
      throw new Error(`Redis did not answer within ${ANSWER_WITHIN_MS} ms`);
    });
    try {
      await Promise.race([this.connection.ping(), timeout]);
    } finally {
      answered.abort();
    }
  }

  onApplicationShutdown(): void {
    this.connection.disconnect();
  }
}
