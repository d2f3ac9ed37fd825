import { AppError } from '@tollgate/contracts';
import type { Redis } from 'ioredis';
import { keys } from './wire.js';

const OVERLOADED_RETRY_AFTER_SECONDS = 1;

/** Who sends a request, and hears what became of that. */
interface Sender {
  added(entryId: string): void;
  /** `overloaded`, or `unavailable` when Redis cannot be reached. */
  fail(error: AppError): void;
}

interface Batch {
  messages: string[];
  senders: Sender[];
}

/** Adds requests to the streams of services; those of one tick to one service go in one command. */
export class RequestWriter {
  private readonly waiting = new Map<string, Batch>();

  constructor(
    private readonly redis: Redis,
    /** Entries of one stream, waiting and running, above which new ones are refused. */
    private readonly entriesMax: number,
  ) {}

  add(service: string, message: string, sender: Sender): void {
    let batch = this.waiting.get(service);
    if (!batch) {
      batch = { messages: [], senders: [] };
      this.waiting.set(service, batch);
      queueMicrotask(() => void this.send(service));
    }
    batch.messages.push(message);
    batch.senders.push(sender);
  }

  private async send(service: string): Promise<void> {
    const { messages, senders } = this.waiting.get(service) ?? { messages: [], senders: [] };
    this.waiting.delete(service);
    try {
      const ids = await this.redis.addRequests(keys.requests(service), this.entriesMax, ...messages);
      senders.forEach((sender, index) => {
        const id = ids[index];
        if (id) sender.added(id);
        else sender.fail(overloaded(service));
      });
    } catch (error) {
      for (const sender of senders) sender.fail(unavailable(error));
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
