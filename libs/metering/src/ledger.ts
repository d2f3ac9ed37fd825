import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '@tollgate/contracts';
import { Database, Prisma, type AttemptOutcome, type PriceVersion, type UsageSource } from '@tollgate/database';
import { Logger } from '@tollgate/observability';
import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { chargePrices, costPrices, priceOf, type TokenCounts } from './cost.js';

/** One call of a provider, as it ended. */
export interface Attempt {
  /** Of the completion that this attempt belongs to; with `attemptNumber` (from 1) it is unique. */
  callId: string;
  attemptNumber: number;
  /** Of the client's request, which may need several completions. */
  requestId: string;
  accountId: string;
  userId: string;
  task: string;
  price: PriceVersion;
  tokens: TokenCounts;
  usageSource: UsageSource;
  outcome: AttemptOutcome;
  errorCode?: string;
  startedAt: Date;
  finishedAt: Date;
}

const BATCH_ROWS_MAX = 200;
/** Two, so that one batch travels while the other one commits. */
const BATCHES_AT_ONCE = 2;
const RETRY_FOR_MS = 30_000;
const RETRY_EVERY_MS = 500;

interface Waiting {
  attempt: Attempt;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/**
 * The append-only ledger of attempts.
 *
 * `record` resolves after its row has been committed. Rows that arrive while a commit is under way share the next one. A
 * row that exists already (same call and attempt number) is left as it is, so that recording again is harmless.
 */
@Injectable()
export class Ledger {
  private queue: Waiting[] = [];
  private batchesRunning = 0;

  constructor(
    private readonly database: Database,
    private readonly logger: Logger,
  ) {}

  /** Raises `unavailable` when Postgres stays away for 30 seconds. */
  async record(attempt: Attempt): Promise<void> {
    return new Promise((resolve, reject) => {
      this.queue.push({ attempt, resolve, reject });
      if (this.batchesRunning < BATCHES_AT_ONCE) void this.commitQueue();
    });
  }

  private async commitQueue(): Promise<void> {
    this.batchesRunning += 1;
    await Promise.resolve(); // Lets the attempts that end in this very tick join.
    while (this.queue.length > 0) await this.commitBatch(this.queue.splice(0, BATCH_ROWS_MAX));
    this.batchesRunning -= 1;
  }

  private async commitBatch(batch: Waiting[]): Promise<void> {
    try {
      await this.commit(batch.map(({ attempt }) => attempt));
      for (const { resolve } of batch) resolve();
    } catch (error) {
      // One row is the reason: alone, each of the others can be recorded.
      if (isRefusal(error) && batch.length > 1) for (const waiting of batch) await this.commitBatch([waiting]);
      else for (const { attempt, reject } of batch) reject(this.unrecorded(attempt, error));
    }
  }

  /** The row goes to the log, so that it can be entered by hand. */
  private unrecorded(attempt: Attempt, error: unknown): AppError {
    const { price, ...facts } = attempt;
    this.logger.error('an attempt could not be recorded', {
      err: error,
      attempt: { ...facts, price_version: String(price.id) },
    });
    if (isRefusal(error)) return AppError.fromUnknown(error);
    return new AppError('unavailable', 'The ledger cannot be reached.', { cause: error, retryAfterSeconds: 5 });
  }

  /** Waits for a Postgres that is away. A row that Postgres refuses is the only one of its batch to fail. */
  private async commit(attempts: Attempt[]): Promise<void> {
    const giveUpAt = Date.now() + RETRY_FOR_MS;
    for (;;) {
      try {
        await this.database.usageAttempt.createMany({ data: attempts.map(toRow), skipDuplicates: true });
        return;
      } catch (error) {
        if (isRefusal(error) || Date.now() > giveUpAt) throw error;
        this.logger.warn('the ledger cannot be reached, trying again', { err: error, attempts: attempts.length });
        await sleep(RETRY_EVERY_MS);
      }
    }
  }
}

/** Prisma's codes for data that Postgres will never take: too long, not unique, no such account, null, out of range. */
const refusalCodes = new Set(['P2000', 'P2002', 'P2003', 'P2004', 'P2005', 'P2006', 'P2007', 'P2011', 'P2020']);

/** The data has been judged; asking again would change nothing. Everything else is worth another try. */
function isRefusal(error: unknown): boolean {
  if (error instanceof Prisma.PrismaClientValidationError) return true;
  return error instanceof Prisma.PrismaClientKnownRequestError && refusalCodes.has(error.code);
}

/** A failed attempt costs us what the provider takes for it, and the customer nothing. */
function toRow({ price, tokens, ...attempt }: Attempt) {
  return {
    ...attempt,
    id: uuidv7(),
    provider: price.provider,
    model: price.model,
    tokensInput: tokens.input,
    tokensCached: tokens.cached,
    tokensOutput: tokens.output,
    priceVersionId: price.id,
    providerCostMicroUsd: priceOf(tokens, costPrices(price)),
    chargeMicroUsd: attempt.outcome === 'failed' ? 0n : priceOf(tokens, chargePrices(price)),
  };
}
