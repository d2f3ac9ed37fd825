import { AppError } from '@tollgate/contracts';
import { Database, Prisma, type PriceVersion } from '@tollgate/database';
import { Injectable } from '@nestjs/common';
import { chargePrices, costPrices, priceOf } from './cost.js';

export interface Correction {
  callId: string;
  attemptNumber: number;
  /** Of whoever asks; asking again with the same one changes nothing. */
  correctionId: string;
  /** Why, for whoever reads the ledger later. */
  reason: string;
}

/** An attempt as all of its entries add up. */
interface Standing {
  account_id: string;
  entry_number: number;
  is_counted: boolean;
  is_cache_hit: boolean;
  tokens_input: bigint;
  tokens_cached: bigint;
  tokens_output: bigint;
  tokens_reasoning: bigint;
  charge: bigint;
  is_done: boolean;
}

/** Changes of what an attempt was charged. Nothing is edited: each is a further entry, and the sum of the entries is what holds. */
@Injectable()
export class Corrections {
  constructor(private readonly database: Database) {}

  /**
   * Takes back part of an attempt's charge. Its tokens stay used: they were served.
   * Raises `not_found`, or `invalid_request` when it is more than is left of the charge.
   *
   * @param within a transaction of the caller, for what must be there if and only if the correction is
   * @returns whether it is new
   */
  refund(correction: Correction & { microUsd: bigint }, within?: Prisma.TransactionClient): Promise<boolean> {
    return this.correct(correction, within, async (transaction, standing) => {
      if (correction.microUsd <= 0n || correction.microUsd > standing.charge) {
        const message = `The refund must be more than 0 and at most ${standing.charge} micro-USD, what is left of the charge.`;
        throw new AppError('invalid_request', message, { param: 'micro_usd' });
      }
      await transaction.$executeRaw`
        INSERT INTO usage_attempt
        SELECT adjusted.* FROM usage_attempt AS latest CROSS JOIN LATERAL jsonb_populate_record(latest, jsonb_build_object(
          'entry', 'adjustment', 'entry_number', next_entry_number(latest.call_id, latest.attempt_number), 'corrects', latest.entry_number,
          'correction_id', ${correction.correctionId}::uuid, 'correction_reason', ${correction.reason}::text, 'recorded_at', clock_timestamp(),
          'tokens_input', 0, 'tokens_cached', 0, 'tokens_output', 0, 'tokens_reasoning', 0,
          'provider_cost_micro_usd', 0, 'charge_micro_usd', ${-correction.microUsd}::bigint)) AS adjusted
        WHERE ${isLatest(correction, standing)}`;
    });
  }

  /**
   * States an attempt anew at another price version: what stood is taken back, whatever refunds there were. Raises `not_found`.
   * `within` and the result are as in `refund`.
   */
  rerate(correction: Correction & { price: PriceVersion }, within?: Prisma.TransactionClient): Promise<boolean> {
    return this.correct(correction, within, async (transaction, standing) => {
      const tokens = {
        input: Number(standing.tokens_input),
        cached: Number(standing.tokens_cached),
        output: Number(standing.tokens_output),
        reasoning: Number(standing.tokens_reasoning),
      };
      const isFree = standing.is_cache_hit;
      const cost = isFree ? 0n : priceOf(tokens, costPrices(correction.price));
      const charge = isFree || !standing.is_counted ? 0n : priceOf(tokens, chargePrices(correction.price));
      const { callId, attemptNumber, correctionId, reason } = correction;
      await transaction.$executeRaw`SELECT reverse_attempt(${callId}::uuid, ${attemptNumber}::smallint, ${correctionId}::uuid, ${reason})`;
      await transaction.$executeRaw`
        INSERT INTO usage_attempt
        SELECT restated.* FROM usage_attempt AS latest CROSS JOIN LATERAL jsonb_populate_record(latest, jsonb_build_object(
          'entry', 'restatement', 'entry_number', next_entry_number(latest.call_id, latest.attempt_number), 'corrects', latest.entry_number,
          'correction_id', ${correctionId}::uuid, 'correction_reason', ${reason}::text, 'recorded_at', clock_timestamp(),
          'tokens_input', ${tokens.input}::int, 'tokens_cached', ${tokens.cached}::int, 'tokens_output', ${tokens.output}::int,
          'tokens_reasoning', ${tokens.reasoning}::int, 'price_version_id', ${correction.price.id}::bigint,
          'provider_cost_micro_usd', ${cost}::bigint, 'charge_micro_usd', ${charge}::bigint)) AS restated
        WHERE ${isLatest(correction, standing)}`;
    });
  }

  /** Under the account's lock, like everything that changes what belongs to it. */
  private async correct(
    correction: Correction,
    within: Prisma.TransactionClient | undefined,
    write: (transaction: Prisma.TransactionClient, standing: Standing) => Promise<void>,
  ): Promise<boolean> {
    const { callId, attemptNumber, correctionId } = correction;
    const run = async (transaction: Prisma.TransactionClient) => {
      await transaction.$executeRaw`
        SELECT lock_accounts(array(SELECT account_id FROM usage_attempt
          WHERE call_id = ${callId}::uuid AND attempt_number = ${attemptNumber}::smallint AND entry_number = 0))`;
      const [standing] = await transaction.$queryRaw<Standing[]>`
        SELECT min(account_id::text) AS account_id, bool_or(correction_id = ${correctionId}::uuid) IS TRUE AS is_done,
          (max(entry_number) FILTER (WHERE entry IN ('attempt', 'restatement')))::int AS entry_number,
          (array_agg(is_counted ORDER BY entry_number DESC))[1] AS is_counted, bool_or(is_cache_hit) AS is_cache_hit,
          sum(tokens_input) AS tokens_input, sum(tokens_cached) AS tokens_cached, sum(tokens_output) AS tokens_output,
          sum(tokens_reasoning) AS tokens_reasoning, sum(charge_micro_usd)::bigint AS charge
        FROM usage_attempt WHERE call_id = ${callId}::uuid AND attempt_number = ${attemptNumber}::smallint
        HAVING count(*) > 0`;
      if (!standing) throw new AppError('not_found', 'There is no such attempt.');
      if (!standing.is_done) await write(transaction, standing);
      return !standing.is_done;
    };
    return within ? run(within) : this.database.$transaction(run);
  }
}

/** The entry that says now what was served and at which price. */
function isLatest({ callId, attemptNumber }: Correction, { entry_number }: Standing): Prisma.Sql {
  return Prisma.sql`latest.call_id = ${callId}::uuid AND latest.attempt_number = ${attemptNumber}::smallint
    AND latest.entry_number = ${entry_number}::smallint`;
}
