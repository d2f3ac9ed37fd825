import type { HoldRequest, Holds, Ledger } from '@tollgate/metering';
import { v7 as uuidv7 } from 'uuid';

/** What one bench needs of the lib, and who pays. */
export interface MeteringTarget {
  holds: Holds;
  ledger: Ledger;
  price: HoldRequest['price'];
  accounts: readonly { accountId: string; userId: string }[];
}

/** Takes and settles holds with so many under way for so long; returns attempts a second. */
export async function holdAndSettle(target: MeteringTarget, atOnce: number, durationMs: number): Promise<number> {
  const startedAt = performance.now();
  const endsAt = startedAt + durationMs;
  let settled = 0;
  const workers = Array.from({ length: atOnce }, async () => {
    while (performance.now() < endsAt) {
      await oneAttempt(target, settled);
      settled += 1;
    }
  });
  await Promise.all(workers);
  return settled / ((performance.now() - startedAt) / 1_000);
}

async function oneAttempt({ holds, ledger, price, accounts }: MeteringTarget, index: number): Promise<void> {
  const owner = accounts[Math.floor(Math.random() * accounts.length)];
  if (!owner) throw new Error(`attempt ${index} has no account`);
  const hold = await holds.take({
    ...owner,
    callId: uuidv7(),
    attemptNumber: 1,
    requestId: uuidv7(),
    task: 'chat',
    price,
    tokensInput: 60,
    tokensOutputMax: 40,
  });
  await ledger.settle(hold, {
    tokens: { input: 60, cached: 0, output: 40 },
    usageSource: 'provider',
    outcome: 'completed',
    finishedAt: new Date(),
  });
}
