/** Deadlines that fall into the same so many milliseconds share a timer. */
const TOGETHER_MS = 8;
/** Timers of Node cannot be set for more than 24 days. */
const WAIT_MAX_MS = 60_000;

interface Expiring {
  /** Epoch milliseconds. */
  readonly deadlineAt: number;
  expire(): void;
}

/**
 * Calls `expire` of whatever is not taken out before its deadline: never early, and late by a few milliseconds. Every
 * request of every hop has a deadline and hardly any reaches it, so there is one timer for all.
 */
export class Deadlines {
  /** By the time, in units of {@link TOGETHER_MS}, at which they are due. */
  private readonly due = new Map<number, Set<Expiring>>();
  private nextAt = Infinity;
  private timer: NodeJS.Timeout | undefined;

  add(expiring: Expiring): void {
    const at = slotOf(expiring);
    const together = this.due.get(at);
    if (together) return void together.add(expiring);
    this.due.set(at, new Set([expiring]));
    if (at < this.nextAt) this.wakeAt(at);
  }

  delete(expiring: Expiring): void {
    const at = slotOf(expiring);
    const together = this.due.get(at);
    if (together?.delete(expiring) && together.size === 0 && at !== this.nextAt) this.due.delete(at);
  }

  private wakeAt(at: number): void {
    clearTimeout(this.timer);
    this.nextAt = at;
    this.timer = setTimeout(() => this.expireDue(), Math.min(Math.max(0, at * TOGETHER_MS - Date.now()), WAIT_MAX_MS));
    this.timer.unref(); // Nothing is open without a connection, which keeps the process alive.
  }

  private expireDue(): void {
    const now = Date.now();
    let nextAt = Infinity;
    for (const [at, together] of this.due) {
      if (at * TOGETHER_MS > now) {
        nextAt = Math.min(nextAt, at);
        continue;
      }
      this.due.delete(at);
      for (const expiring of together) expiring.expire();
    }
    this.nextAt = Infinity;
    if (nextAt < Infinity) this.wakeAt(nextAt);
  }
}

function slotOf({ deadlineAt }: Expiring): number {
  return Math.ceil(deadlineAt / TOGETHER_MS);
}
