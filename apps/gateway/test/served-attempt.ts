import type { TokenCounts } from '@tollgate/metering';
import { Holds, Ledger, Prices } from '@tollgate/metering';
import type { INestApplicationContext } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';

interface Served {
  accountId: string;
  userId: string;
  task?: string;
  tokens: TokenCounts;
  /** Micro-USD per million tokens of any kind. */
  cost?: bigint;
  charge?: bigint;
  startedAt?: Date;
}

/** Brings an attempt that was served to the ledger, as llm-router would; returns the id of its call. */
export async function recordServed(app: INestApplicationContext, served: Served): Promise<string> {
  const { accountId, userId, task = 'chat', tokens, cost = 0n, charge = 0n, startedAt = new Date() } = served;
  const [costs, charges] = [cost, charge].map((price) => ({ input: price, cachedInput: price, output: price }));
  if (!costs || !charges) throw new Error('no prices');
  const [price] = await app.get(Prices).publish([{ provider: 'p', model: 'm', cost: costs, charge: charges }]);
  if (!price) throw new Error('no price version');
  const msecs = startedAt.getTime();
  const callId = uuidv7({ msecs });
  const hold = await app.get(Holds).take({
    callId,
    attemptNumber: 1,
    requestId: uuidv7({ msecs }),
    accountId,
    userId,
    task,
    price,
    tokensInput: tokens.input,
    tokensOutputMax: tokens.output,
    at: startedAt,
  });
  await app
    .get(Ledger)
    .settle(
      { ...hold, takenAt: startedAt },
      { tokens, usageSource: 'provider', outcome: 'completed', finishedAt: new Date(msecs + 2_000) },
    );
  return callId;
}
