import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '@tollgate/contracts';
import type { Logger } from '@tollgate/observability';
import type { Redis } from 'ioredis';
import type { Execution, QueuedRequest } from './execution.js';
import type { Executions } from './executions.js';
import type { Fences } from './fences.js';
import type { Heartbeat } from './heartbeat.js';
import { metrics } from './metrics.js';
import { hasSentAll, type Entry } from './redis.js';
import type { ReplyWriters } from './reply-writers.js';
import type { RequestParser } from './request-parser.js';
import type { RequestQueue } from './request-queue.js';
import { OUT_OF_BAND, type Envelope } from './wire.js';

const RETRY_EVERY_MS = 50;

interface Parts {
  parser: RequestParser;
  executions: Executions;
  fences: Fences;
  heartbeat: Heartbeat;
  queue: RequestQueue;
  writers: ReplyWriters;
}

/**
 * What becomes of the entries that this replica gets: each is started here at most once, behind its fence, and leaves Redis
 * when its answer is in the caller's stream.
 *
 * A fence costs a round trip. A new request does not wait for it where its answer is certain: the fence has left this
 * process, and after that the clock says that nobody can have taken this replica for dead since before the request was
 * handed to it, so nobody else has it. A process that dies then has its fence read before its heartbeat expires; one
 * that stood still before it wrote the fence sees that on the clock, and waits for the answer.
 */
export class RequestRunner {
  /** Requests that are not run here and are being settled. */
  private refusing = 0;

  constructor(
    private readonly parts: Parts,
    private readonly log: Logger,
  ) {}

  get isIdle(): boolean {
    return this.parts.executions.count === 0 && this.refusing === 0 && this.parts.writers.areIdle;
  }

  /** Entries that may have been handed to anyone before. */
  async take(entries: readonly Entry[]): Promise<void> {
    await this.start(this.reserve(entries));
  }

  /** Entries of dead replicas. */
  async takeOver(entries: readonly Entry[]): Promise<void> {
    for (const { envelope } of await this.start(this.reserve(entries)))
      metrics.redelivered.inc({ contract: envelope.contract });
  }

  /**
   * Entries that were handed to this replica only, and not before that time of `performance.now()`. Returns what starts
   * them, for when their fences have been written to that connection.
   */
  takeNew(entries: readonly Entry[], since: number, connection: Redis): () => void {
    const { fences, heartbeat } = this.parts;
    const executions = this.reserve(entries);
    if (executions.length === 0) return () => undefined;
    // A replica that cannot renew its heartbeat cannot send answers either: it waits until that works again.
    if (!heartbeat.isAliveSince(since)) return () => void this.start(executions);
    const overdue = executions.map(({ isOverdue }) => isOverdue);
    const granted = fences.start(envelopesOf(executions), connection);
    return () => {
      // In this order: standing still between the two shows on the clock.
      if (!hasSentAll(connection) || !heartbeat.isAliveSince(since) || overdue.includes(true))
        return void this.startGranted(executions, granted);
      for (const execution of executions) void this.execute(execution);
      void this.confirm(executions, granted);
    };
  }

  /** Whoever runs it now answers it. */
  private async confirm(executions: readonly Execution[], answer: Promise<boolean[]>): Promise<void> {
    try {
      const granted = await answer;
      executions.forEach((execution, index) => {
        if (!granted[index]) execution.giveUp();
      });
    } catch {
      // The connection broke: nobody knows whether the fences have arrived.
      await sleep(RETRY_EVERY_MS);
      const running = executions.filter((execution) => this.parts.executions.has(execution));
      const putUp = running.map(({ envelope }) => this.parts.fences.putUpAgain(envelope));
      if (running.length > 0) await this.confirm(running, Promise.all(putUp));
    }
  }

  /** After Redis was away: it may have forgotten the fences of what is running and of what has just finished. */
  async putFencesUpAgain(): Promise<void> {
    const { executions, fences } = this.parts;
    const confirmed = executions.all.map(async (execution) => {
      if (!(await fences.putUpAgain(execution.envelope))) execution.giveUp();
    });
    await Promise.all([...confirmed, fences.putUpFinished()]);
  }

  /** This replica was silent for so long that others may have taken its requests. */
  async abortWhatWasTaken(): Promise<void> {
    const running = this.parts.executions.all;
    const own = new Set(await this.parts.queue.ownPending());
    for (const execution of running) if (!own.has(execution.entryId)) execution.giveUp();
  }

  /** What can be run here and is not already; the rest is taken out of Redis. */
  private reserve(entries: readonly Entry[]): Execution[] {
    const { parser, executions, queue } = this.parts;
    return entries.flatMap((entry) => {
      const request = parser.parse(entry);
      const running = request && executions.of(request.envelope.id);
      if (request && !running) return [executions.reserve(request)];
      // Our own pending entry, read again, stays; another entry is a copy of the request.
      if (running?.entryId !== entry[0]) void queue.drop(entry[0]);
      return [];
    });
  }

  /** Returns those that have been started. */
  private async start(executions: readonly Execution[]): Promise<Execution[]> {
    if (executions.length === 0) return [];
    return this.startGranted(executions, this.parts.fences.start(envelopesOf(executions)));
  }

  private async startGranted(executions: readonly Execution[], answer: Promise<boolean[]>): Promise<Execution[]> {
    try {
      const granted = await answer;
      return executions.filter((execution, index) => {
        const isStarted = granted[index] === true && !execution.isAborted;
        void (isStarted ? this.execute(execution) : this.refuse(execution));
        return isStarted;
      });
    } catch (error) {
      // They stay pending for this replica and are found again when Redis is back.
      this.log.warn('requests could not be fenced and were not started', { err: error, requests: executions.length });
      for (const execution of executions) this.parts.executions.release(execution);
      return [];
    }
  }

  private async execute(execution: Execution): Promise<void> {
    const { executions, fences, queue } = this.parts;
    const { envelope, entryId } = execution;
    const startedAt = performance.now();
    const error = await execution.run();
    this.report(envelope, (performance.now() - startedAt) / 1000, error);
    fences.finished(envelope);
    executions.release(execution);
    // Acknowledged before its answer is kept, a request would be forgotten by everyone if this process died now.
    if (!execution.hasAnswered) await queue.drop(entryId);
  }

  /**
   * Cancelled, past its deadline, or started before. If whoever started it is dead now, the caller is told, unless the
   * contract allows to run it again.
   */
  private async refuse(execution: Execution): Promise<void> {
    const { executions, fences, queue } = this.parts;
    const { request, envelope, entryId } = execution;
    this.refusing += 1;
    executions.release(execution);
    try {
      if (!execution.isAborted && (await fences.deadOwner(envelope)) !== undefined) {
        if (request.contract.kind === 'stream' || !request.contract.idempotent) return this.reportLost(request);
        await fences.lift(envelope);
        const [isGranted] = await fences.start([envelope]);
        if (!isGranted) return; // Somebody else was faster, or it stays pending and is found again.
        metrics.redelivered.inc({ contract: envelope.contract });
        return await this.execute(executions.reserve(request));
      }
      await queue.drop(entryId);
    } catch (error) {
      this.log.warn('a refused request could not be settled', { err: error, request_id: envelope.requestId });
    } finally {
      this.refusing -= 1;
    }
  }

  private report({ contract, requestId }: Envelope, seconds: number, error: AppError | undefined): void {
    metrics.handleDuration.observe({ contract }, seconds);
    metrics.handled.inc({ contract, outcome: error?.code ?? 'ok' });
    if (error?.code === 'internal')
      this.log.error(`${contract} failed`, { err: error.cause ?? error, request_id: requestId });
  }

  private reportLost({ envelope, entryId }: QueuedRequest): void {
    const { contract, replyTo, call, requestId } = envelope;
    metrics.handled.inc({ contract, outcome: 'replica_lost' });
    this.log.warn('a replica died while it ran a request', { contract, request_id: requestId });
    const error = new AppError('replica_lost', 'The replica that ran the request has died.', {
      details: { started: true },
    });
    this.parts.writers.acquire(replyTo).error(call, OUT_OF_BAND, error.toWire(), entryId);
  }
}

function envelopesOf(executions: readonly Execution[]): Envelope[] {
  return executions.map(({ envelope }) => envelope);
}
