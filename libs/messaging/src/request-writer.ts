import { AppError } from '@tollgate/contracts';
import type { Redis } from 'ioredis';
import { keys } from './wire.js';

const OVERLOADED_RETRY_AFTER_SECONDS = 1;

interface Waiting {
  message: string;
  resolve: (entryId: string) => void;
  reject: (error: AppError) => void;
}

/** Adds requests to the streams of services; those of one tick to one service go in one command. */
export class RequestWriter {
  private readonly waiting = new Map<string, Waiting[]>();

  constructor(
    private readonly redis: Redis,
    /** Entries of one stream, waiting and running, above which new ones are refused. */
    private readonly entriesMax: number,
  ) {}

  /** Resolves with the id of the entry. Raises `overloaded`, or `unavailable` when Redis cannot be reached. */
  add(service: string, message: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const batch = this.waiting.get(service);
      if (batch) return void batch.push({ message, resolve, reject });
      this.waiting.set(service, [{ message, resolve, reject }]);
      queueMicrotask(() => void this.send(service));
    });
  }

  private async send(service: string): Promise<void> {
    const batch = this.waiting.get(service) ?? [];
    this.waiting.delete(service);
    try {
      const messages = batch.map(({ message }) => message);
      const ids = await this.redis.addRequests(keys.requests(service), this.entriesMax, ...messages);
      batch.forEach(({ resolve, reject }, index) => {
        const id = ids[index];
        if (id) resolve(id);
        else reject(overloaded(service));
      });
    } catch (error) {
      for (const { reject } of batch) reject(unavailable(error));
    }
  }
}

function overloaded(service: string): AppError {
  return new AppError('overloaded', `The queue of ${service} is full.`, {
    retryAfterSeconds: OVERLOADED_RETRY_AFTER_SECONDS,
  });
}

function unavailable(cause: unknown): AppError {
  return new AppError('unavailable', 'The message bus cannot be reached.', { cause, retryAfterSeconds: 1 });
}
