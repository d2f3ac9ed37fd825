import type { AppError } from '@tollgate/contracts';
import { Execution, type QueuedRequest } from './execution.js';
import { metrics } from './metrics.js';
import type { ReplyWriters } from './reply-writers.js';

/** What this replica has taken and not finished, each in a slot of its own. */
export class Executions {
  /** By the id of the request. */
  private readonly running = new Map<string, Execution>();

  constructor(
    private readonly slots: number,
    private readonly writers: ReplyWriters,
    private readonly onSlotFree: () => void,
  ) {}

  get freeSlots(): number {
    return this.slots - this.running.size;
  }

  get count(): number {
    return this.running.size;
  }

  get all(): Execution[] {
    return [...this.running.values()];
  }

  of(requestId: string): Execution | undefined {
    return this.running.get(requestId);
  }

  has(execution: Execution): boolean {
    return this.running.get(execution.envelope.id) === execution;
  }

  /** Takes a slot. From now on a cancellation is heard. */
  reserve(request: QueuedRequest): Execution {
    const execution = new Execution(request, this.writers.acquire(request.envelope.replyTo));
    this.running.set(request.envelope.id, execution);
    metrics.running.set(this.running.size);
    return execution;
  }

  release(execution: Execution): void {
    execution.discard();
    this.running.delete(execution.envelope.id);
    metrics.running.set(this.running.size);
    this.writers.release(execution.envelope.replyTo);
    this.onSlotFree();
  }

  abort(reason: AppError, which: (execution: Execution) => boolean = () => true): void {
    for (const execution of this.running.values()) if (which(execution)) execution.abort(reason);
  }
}
