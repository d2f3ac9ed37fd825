import { AppError } from '@tollgate/contracts';
import { setTimeout as sleep } from 'node:timers/promises';

const TICK_MS = 500;
/** Of ticks: what a crash of this process and of Redis together may lose is two seconds of text. */
const SAVE_EVERY = 4;

interface Watched {
  hold: () => Promise<'lost' | 'stopped' | 'abandoned' | 'held'>;
  /** May be slow: what it waits for does not hold up the lock. */
  savePartial: () => Promise<void>;
  /** Called once, when the turn is to end before its answer is complete. */
  onEnd: (reason: AppError) => void;
}

/** While an answer is written: renews the lock, hears of a stop or of readers gone, and keeps what was written so far. */
export function watchTurn({ hold, savePartial, onEnd }: Watched): { stop(): Promise<void> } {
  const stopped = new AbortController();
  let saving: Promise<void> | undefined;
  const watching = watch();
  return {
    async stop() {
      stopped.abort();
      await watching;
      await saving;
    },
  };

  async function watch(): Promise<void> {
    for (let tick = 1; !stopped.signal.aborted; tick += 1) {
      await sleep(TICK_MS, undefined, { signal: stopped.signal }).catch(() => undefined); // Stopped.
      if (stopped.signal.aborted) return;
      // Redis or Postgres away: the next tick asks again, and the lease decides.
      const state = await hold().catch(() => 'held' as const);
      if (state !== 'held') return onEnd(reasonOf(state));
      if (tick % SAVE_EVERY === 0) saving ??= save();
    }
  }

  async function save(): Promise<void> {
    await savePartial().catch(() => undefined); // Postgres away: the next time has all of it.
    saving = undefined;
  }
}

function reasonOf(state: 'lost' | 'stopped' | 'abandoned'): AppError {
  if (state === 'lost') return new AppError('replica_lost', 'The turn was taken over.');
  const why = state === 'stopped' ? 'The answer was stopped.' : 'Nobody reads the answer any more.';
  return new AppError('cancelled', why);
}
