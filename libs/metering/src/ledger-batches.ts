import { AppError } from '@tollgate/contracts';
import { Database, type PreparedStatement } from '@tollgate/database';
import { Inject, Injectable } from '@nestjs/common';
import type { HoldEnd, HoldEndEffect } from './hold-end.js';
import { HOLD_LEASE_MS, type HoldRequest } from './hold.js';
import { MicroBatch } from './micro-batch.js';
import type { Verdict } from './quota-exceeded.js';
import { isRefusal } from './refusal.js';

type Item = { request: HoldRequest; end?: never } | { end: HoldEnd; request?: never };
type Answer = Verdict | { effect: HoldEndEffect };
type Row = Answer & { ordinal: number };

const VERDICT_COLUMNS = `ordinal, verdict, used, held, cap, resets_on::text, tier, month_start::text, day::text, taken_at`;

/** A function for what is alone in its batch, and one for batches: see the migration `lone_holds`. */
const statements = {
  takeHold: { name: 'take_hold', text: `SELECT ${VERDICT_COLUMNS} FROM take_hold($1)` },
  endHold: { name: 'end_hold', text: 'SELECT ordinal, effect FROM end_hold($1)' },
  takeHolds: { name: 'take_holds', text: `SELECT ${VERDICT_COLUMNS} FROM take_holds($1)` },
  endHolds: { name: 'end_holds', text: 'SELECT ordinal, effect FROM end_holds($1)' },
  endAndTakeHolds: {
    name: 'end_and_take_holds',
    text: `SELECT effect, ${VERDICT_COLUMNS} FROM end_and_take_holds($1, $2)`,
  },
} satisfies Record<string, PreparedStatement>;

const BATCH_SIZE_MAX = 200;
/** With 64 requests at once a pause of 3 ms made batches of 25 items out of 19, one of 6 ms batches of 36. */
const GATHER = { from: 16, upTo: 64, withinMs: 4 };

/** All that this process asks of the ledger's functions: holds that are taken and holds that end share their batches. */
@Injectable()
export class LedgerBatches {
  private readonly batch = new MicroBatch<Item, Answer>((items) => this.run(items), {
    sizeMax: BATCH_SIZE_MAX,
    gather: GATHER,
    isRefusal,
  });

  constructor(
    private readonly database: Database,
    @Inject(HOLD_LEASE_MS) private readonly leaseMs: number,
  ) {}

  /** Committed when it resolves. Raises pg's own errors; whether it was committed is then unknown. */
  async take(request: HoldRequest): Promise<Verdict> {
    const answer = await this.batch.add({ request });
    if (!('verdict' in answer)) throw new Error('a request for a hold was answered as an end');
    return answer;
  }

  /** Committed when it resolves. Raises pg's own errors; to say it again then has no second effect. */
  async end(end: HoldEnd): Promise<HoldEndEffect> {
    const answer = await this.batch.add({ end });
    if ('effect' in answer) return answer.effect;
    throw AppError.fromUnknown(new Error('an attempt of an unknown account'));
  }

  private async run(items: readonly Item[]): Promise<Answer[]> {
    const requests: unknown[] = [];
    const ends: unknown[] = [];
    // The place of an item in the batch tells its row from all others.
    items.forEach(({ request, end }, ordinal) => {
      if (request) requests.push(requestItem(request, ordinal, this.leaseMs));
      else ends.push(endItem(end, ordinal));
    });
    const answers: Answer[] = items.map(() => ({ verdict: 'unknown_account' }));
    for (const { ordinal, ...answer } of await this.ask(requests, ends)) answers[ordinal] = answer;
    return answers;
  }

  private ask(requests: readonly unknown[], ends: readonly unknown[]): Promise<Row[]> {
    const { takeHold, takeHolds, endHold, endHolds, endAndTakeHolds } = statements;
    if (ends.length === 0) return this.askOne(takeHold, takeHolds, requests);
    if (requests.length === 0) return this.askOne(endHold, endHolds, ends);
    return this.database.runPrepared<Row>(endAndTakeHolds, [JSON.stringify(ends), JSON.stringify(requests)]);
  }

  private askOne(ofOne: PreparedStatement, ofMany: PreparedStatement, items: readonly unknown[]): Promise<Row[]> {
    if (items.length === 1) return this.database.runPrepared<Row>(ofOne, [JSON.stringify(items[0])]);
    return this.database.runPrepared<Row>(ofMany, [JSON.stringify(items)]);
  }
}

function requestItem(request: HoldRequest, ordinal: number, leaseMs: number) {
  return {
    ordinal,
    call_id: request.callId,
    attempt_number: request.attemptNumber,
    request_id: request.requestId,
    account_id: request.accountId,
    user_id: request.userId,
    task: request.task,
    provider: request.price.provider,
    model: request.price.model,
    price_version_id: String(request.price.id),
    tokens: request.tokensInput + request.tokensOutputMax,
    tokens_input: request.tokensInput,
    is_dispatched: request.isDispatched ?? true,
    lease_ms: leaseMs,
    at: request.at?.toISOString(),
  };
}

function endItem(end: HoldEnd, ordinal: number) {
  return {
    ...end.attempt,
    ordinal,
    key: `${end.callId}/${end.attemptNumber}`,
    call_id: end.callId,
    attempt_number: end.attemptNumber,
    account_id: end.accountId,
    counts_call: end.countsCall ?? false,
    only_lapsed: end.onlyLapsed ?? false,
  };
}
