import { setTimeout as sleep } from 'node:timers/promises';

const MINUTE_MS = 60_000;

/** At most so many starts within any minute. */
export class RequestPace {
  private starts: number[] = [];

  constructor(
    private readonly perMinute: number,
    private readonly now: () => number = Date.now,
  ) {}

  /** How long the next start has to wait; when it need not, it is counted. */
  take(): number {
    const now = this.now();
    this.starts = this.starts.filter((startedAt) => startedAt > now - MINUTE_MS);
    const [oldest] = this.starts;
    if (oldest !== undefined && this.starts.length >= this.perMinute) return oldest + MINUTE_MS - now;
    this.starts.push(now);
    return 0;
  }

  /** Resolves when the next may start; rejects when the signal aborts. */
  async wait(signal: AbortSignal): Promise<void> {
    for (let waitMs = this.take(); waitMs > 0; waitMs = this.take()) await sleep(waitMs, undefined, { signal });
  }
}
