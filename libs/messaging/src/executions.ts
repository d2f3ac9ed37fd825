import type { AppError } from '@tollgate/contracts';
import { Deadlines } from './deadlines.js';
import { Execution, type QueuedRequest } from './execution.js';
import type { ReplyWriters } from './reply-writers.js';

/** What this replica has taken and not finished, each in a slot of its own. */
export class Executions {
  /** By the id of the request. */
  private readonly running = new Map<string, Execution>();
  private readonly deadlines = new Deadlines();

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
    this.deadlines.add(execution);
    return execution;
  }

  /** Frees the slot of one that is over. */
  release(execution: Execution): void {
    const { id, replyTo } = execution.envelope;
    this.deadlines.delete(execution);
    this.running.delete(id);
    if (!execution.hasAnswered) this.writers.release(replyTo);
    this.onSlotFree();
  }

  abort(reason: AppError, which: (execution: Execution) => boolean = () => true): void {
    for (const execution of this.running.values()) if (which(execution)) execution.abort(reason);
  }
}
