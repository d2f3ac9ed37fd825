import { AppError, chatNotFound, errorTable } from '@tollgate/contracts';
import { Database } from '@tollgate/database';
import { RequestCharges } from '@tollgate/metering';
import { Logger } from '@tollgate/observability';
import {
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { keyedRequests } from './metrics.js';
import { mayHaveCost } from './may-have-cost.js';
import { readAnswer, storedError, type KeptAnswer, type StoredAnswer } from './kept-answer.js';

const KEPT_HOURS = 24;
const LEASE_SECONDS = 15;
const RENEW_EVERY_MS = 5_000;
const FORGET_EVERY_MS = 600_000;
const FORGOTTEN_AT_ONCE = 10_000;
const DRAIN_CHECK_MS = 50;

export interface KeyedRequest {
  accountId: string;
  key: string;
  fingerprint: Buffer;
  requestId: string;
  deadlineAt: Date;
}

interface Row {
  request_id: string;
  is_same: boolean;
  is_leased: boolean;
  may_start: boolean;
  status: number | null;
  answer: string | null;
}

/**
 * Requests with an Idempotency-Key, in Postgres: whoever loses Redis must not be charged twice.
 *
 * A key belongs to whoever inserts its row. While the request runs its gateway renews a lease. When that lapses the gateway has
 * died, and the ledger says what became of the request: something was charged, then its answer is lost, and the key says
 * so from then on; nothing was, then it may run again as soon as the first one cannot start any more.
 */
@Injectable()
export class KeyedRequests implements OnModuleInit, BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly running = new Set<string>();
  private readonly timers: NodeJS.Timeout[] = [];

  constructor(
    private readonly database: Database,
    private readonly charges: RequestCharges,
    private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    this.timers.push(setInterval(() => void this.try(() => this.renew()), RENEW_EVERY_MS).unref());
    this.timers.push(setInterval(() => void this.try(() => this.forget()), FORGET_EVERY_MS).unref());
  }

  /** The server does not wait for requests whose clients have left; those that run now are waited for here. */
  async beforeApplicationShutdown(): Promise<void> {
    const running = [...this.running];
    while (running.some((requestId) => this.running.has(requestId))) await delay(DRAIN_CHECK_MS);
  }

  onApplicationShutdown(): void {
    for (const timer of this.timers) clearInterval(timer);
  }

  /**
   * The answer that is kept, or undefined when the request is now the caller's to run and to {@link keep} or {@link release}.
   * Raises `idempotency_in_progress` and `idempotency_key_reused`.
   */
  async claim(request: KeyedRequest): Promise<KeptAnswer | undefined> {
    for (;;) {
      if (await this.insert(request)) return this.own(request);
      const row = await this.find(request);
      if (!row) continue; // It was released in between.
      if (!row.is_same) throw reused();
      if (row.status !== null) return this.repeat(row);
      if (row.is_leased) throw inProgress();
      if (await this.charges.exist(row.request_id)) {
        await this.store(request, row.request_id, storedError(answerLost(row.request_id)));
      } else if (row.may_start) {
        throw inProgress();
      } else if (await this.takeOver(request, row.request_id)) return this.own(request);
    }
  }

  /** From now on this is what the key answers. Does not throw: the client has its answer on the way. */
  async keep(request: KeyedRequest, answer: StoredAnswer): Promise<void> {
    await this.try(() => this.store(request, request.requestId, answer));
    this.running.delete(request.requestId);
  }

  /** Nothing was charged: the key is as if it had never been used. */
  async release({ accountId, key, requestId }: KeyedRequest): Promise<void> {
    this.running.delete(requestId);
    await this.try(
      () => this.database.$executeRaw`
        DELETE FROM keyed_request
        WHERE account_id = ${accountId}::uuid AND key = ${key} AND request_id = ${requestId}::uuid AND status IS NULL`,
    );
  }

  /** The key answers with the error if it may have cost something, and is as if never used if not. */
  async fail(request: KeyedRequest, error: AppError): Promise<void> {
    if (mayHaveCost(error)) await this.keep(request, storedError(error));
    else await this.release(request);
  }

  /**
   * Answers that tell of a deleted chat session are forgotten, text and all: their keys say so from now on, and run nothing a
   * second time. Every answer of a session has its id in it.
   */
  async forgetChatSession(sessionId: string, accountId: string): Promise<void> {
    const { status, json } = storedError(chatNotFound());
    await this.database.$executeRaw`
      UPDATE keyed_request SET status = ${status}, answer = ${json}
      WHERE account_id = ${accountId}::uuid AND status IS NOT NULL AND strpos(answer, ${sessionId}) > 0`;
  }

  private own(request: KeyedRequest): undefined {
    this.running.add(request.requestId);
    keyedRequests.inc({ outcome: 'first' });
  }

  private repeat(row: Row): KeptAnswer {
    keyedRequests.inc({ outcome: 'repeated' });
    return readAnswer(row.answer ?? '');
  }

  /** Also over a row that has expired. */
  private async insert({ accountId, key, fingerprint, requestId, deadlineAt }: KeyedRequest): Promise<boolean> {
    const inserted = await this.database.$executeRaw`
      INSERT INTO keyed_request AS known (account_id, key, fingerprint, request_id, lease_until, deadline_at, expires_at)
      VALUES (${accountId}::uuid, ${key}, ${fingerprint}, ${requestId}::uuid,
              now() + ${LEASE_SECONDS} * interval '1 second', ${deadlineAt}, now() + ${KEPT_HOURS} * interval '1 hour')
      ON CONFLICT (account_id, key) DO UPDATE
      SET fingerprint = excluded.fingerprint, request_id = excluded.request_id, lease_until = excluded.lease_until,
          deadline_at = excluded.deadline_at, expires_at = excluded.expires_at, status = NULL, answer = NULL
      WHERE known.expires_at <= now()`;
    return inserted === 1;
  }

  private async find({ accountId, key, fingerprint }: KeyedRequest): Promise<Row | undefined> {
    const rows = await this.database.$queryRaw<Row[]>`
      SELECT request_id, fingerprint = ${fingerprint} AS is_same, lease_until > now() AS is_leased,
             deadline_at > now() AS may_start, status, answer
      FROM keyed_request WHERE account_id = ${accountId}::uuid AND key = ${key}`;
    return rows[0];
  }

  private async takeOver({ accountId, key, requestId, deadlineAt }: KeyedRequest, from: string): Promise<boolean> {
    const taken = await this.database.$executeRaw`
      UPDATE keyed_request SET request_id = ${requestId}::uuid, deadline_at = ${deadlineAt},
        lease_until = now() + ${LEASE_SECONDS} * interval '1 second'
      WHERE account_id = ${accountId}::uuid AND key = ${key} AND request_id = ${from}::uuid
        AND status IS NULL AND lease_until <= now()`;
    return taken === 1;
  }

  private async store({ accountId, key }: KeyedRequest, ranAs: string, { status, json }: StoredAnswer): Promise<void> {
    await this.database.$executeRaw`
      UPDATE keyed_request SET status = ${status}, answer = ${json}
      WHERE account_id = ${accountId}::uuid AND key = ${key} AND request_id = ${ranAs}::uuid AND status IS NULL`;
  }

  private async renew(): Promise<void> {
    if (this.running.size === 0) return;
    await this.database.$executeRaw`
      UPDATE keyed_request SET lease_until = now() + ${LEASE_SECONDS} * interval '1 second'
      WHERE request_id = ANY(${[...this.running]}::uuid[]) AND status IS NULL`;
  }

  private async forget(): Promise<void> {
    await this.database.$executeRaw`
      DELETE FROM keyed_request WHERE (account_id, key) IN (
        SELECT account_id, key FROM keyed_request WHERE expires_at <= now()
        LIMIT ${FORGOTTEN_AT_ONCE} FOR UPDATE SKIP LOCKED)`;
  }

  private async try(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.logger.warn('An Idempotency-Key could not be written; its lease will end.', { err: error });
    }
  }
}

function reused(): AppError {
  keyedRequests.inc({ outcome: 'reused' });
  return new AppError('idempotency_key_reused', errorTable.idempotency_key_reused.meaning);
}

function inProgress(): AppError {
  keyedRequests.inc({ outcome: 'in_progress' });
  return new AppError('idempotency_in_progress', errorTable.idempotency_in_progress.meaning, { retryAfterSeconds: 1 });
}

function answerLost(requestId: string): AppError {
  const message = 'The first request with this Idempotency-Key was charged, but its answer is lost; use a new key.';
  return new AppError('reply_lost', message, { details: { first_request_id: requestId } });
}
