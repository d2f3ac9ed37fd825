import { AppError } from '@tollgate/contracts';

interface Waiter {
  account: string;
  admit: () => void;
  refuse: (error: unknown) => void;
}

/**
 * Lets so many in at once and the others wait: accounts take turns, each one's requests in their order. When the waiting
 * room is full, the last request of the account that has most of it makes room for one that has less.
 */
export class FairQueue {
  private running = 0;
  private waitingCount = 0;
  /** In the order of their turns. */
  private readonly waiting = new Map<string, Waiter[]>();

  constructor(
    private readonly atOnceMax: number,
    private readonly waitingMax: number,
    private readonly onChange: (running: number, waiting: number) => void = () => undefined,
  ) {}

  /** Resolves to what leaves again. Rejects with the signal's reason, or as `overloaded` when there is no room to wait. */
  async enter(account: string, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.running >= this.atOnceMax) await this.wait(account, signal);
    else this.running += 1;
    this.changed();
    let hasLeft = false;
    return () => {
      if (hasLeft) return;
      hasLeft = true;
      this.leave();
    };
  }

  private wait(account: string, signal: AbortSignal): Promise<void> {
    if (this.waitingCount >= this.waitingMax) this.makeRoomFor(account);
    return new Promise<void>((resolve, reject) => {
      const onAbort = () => {
        this.remove(waiter);
        reject(signal.reason);
      };
      const waiter: Waiter = {
        account,
        admit: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
        refuse: (error) => {
          signal.removeEventListener('abort', onAbort);
          reject(error);
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      const line = this.waiting.get(account);
      if (line) line.push(waiter);
      else this.waiting.set(account, [waiter]);
      this.waitingCount += 1;
      this.changed();
    });
  }

  /** The place goes over to whoever is next. */
  private leave(): void {
    const next = this.takeNext();
    if (next) next.admit();
    else this.running -= 1;
    this.changed();
  }

  private takeNext(): Waiter | undefined {
    const [account, line] = this.waiting.entries().next().value ?? [];
    const waiter = line?.shift();
    if (account === undefined || !line || !waiter) return undefined;
    this.waitingCount -= 1;
    this.waiting.delete(account);
    if (line.length > 0) this.waiting.set(account, line); // Behind the others.
    return waiter;
  }

  private makeRoomFor(account: string): void {
    const own = this.waiting.get(account)?.length ?? 0;
    const longest = [...this.waiting.values()].toSorted((a, b) => b.length - a.length)[0] ?? [];
    const last = longest.length > own + 1 ? longest.at(-1) : undefined;
    if (!last) throw overloaded();
    this.remove(last);
    last.refuse(overloaded());
  }

  private remove(waiter: Waiter): void {
    const line = this.waiting.get(waiter.account);
    const index = line?.indexOf(waiter) ?? -1;
    if (!line || index === -1) return;
    line.splice(index, 1);
    if (line.length === 0) this.waiting.delete(waiter.account);
    this.waitingCount -= 1;
    this.changed();
  }

  private changed(): void {
    this.onChange(this.running, this.waitingCount);
  }
}

function overloaded(): AppError {
  return new AppError('overloaded', 'Too many requests wait for this model provider.', { retryAfterSeconds: 1 });
}
