import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, type Contract } from '@tollgate/contracts';
import type { Logger } from '@tollgate/observability';
import { Injectable } from '@nestjs/common';
import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
import type { Redis } from 'ioredis';
import { Execution, type QueuedRequest } from './execution.js';
import { Fences } from './fences.js';
import { TOLLGATE_TRANSPORT } from './handle.js';
import { checkHandlers } from './handler-check.js';
import { Heartbeat } from './heartbeat.js';
import { metrics, observeQueue } from './metrics.js';
import { Reaper } from './reaper.js';
import { commandConnection, connect, subscriberConnection, type Entry } from './redis.js';
import { ReplyWriters } from './reply-writers.js';
import { RequestQueue } from './request-queue.js';
import { Control, Envelope, fieldOf, keys, OUT_OF_BAND } from './wire.js';

export interface RedisStreamsServerOptions {
  redisUrl: string;
  service: string;
  /** Every contract that the service owns; each must have exactly one handler, or the app refuses to start. */
  contracts: readonly Contract[];
  /** Requests that this replica runs at once. */
  slots: number;
  /** How long `close` waits for running requests before it aborts them, in milliseconds. */
  drainTimeoutMs: number;
}

/** How long aborted handlers get to clean up. */
const ABORT_TIMEOUT_MS = 5_000;
const DRAIN_CHECK_EVERY_MS = 20;

/**
 * Nest transport strategy over Redis Streams: one stream and one consumer group a service.
 *
 * A request is read by one replica, as long as it has a free slot, and fenced before its handler starts. It leaves Redis when
 * its answer has been written to the caller's reply stream. What a dead replica had only fetched is run here; of what it
 * had started, the caller is told `replica_lost`. Cancellations arrive by publish/subscribe.
 */
@Injectable()
export class RedisStreamsServer extends Server implements CustomTransportStrategy {
  override readonly transportId = TOLLGATE_TRANSPORT;
  private readonly replica = randomUUID();
  private readonly contracts: Map<string, Contract>;
  private readonly duplicates = new Set<string>();
  private readonly commands: Redis;
  private readonly subscriber: Redis;
  private readonly queue: RequestQueue;
  private readonly fences: Fences;
  private readonly heartbeat: Heartbeat;
  private readonly reaper: Reaper;
  private readonly writers: ReplyWriters;
  /** By the id of the request. */
  private readonly running = new Map<string, Execution>();
  private answersUnderWay = 0;
  private isClosing = false;
  private stopObserving: (() => void) | undefined;

  constructor(
    private readonly options: RedisStreamsServerOptions,
    private readonly log: Logger,
  ) {
    super();
    const { service, contracts, redisUrl } = options;
    this.contracts = new Map(contracts.map((contract) => [contract.name, contract]));
    this.commands = commandConnection(redisUrl);
    this.subscriber = subscriberConnection(redisUrl);
    this.queue = new RequestQueue(redisUrl, this.commands, service, this.replica, log);
    this.fences = new Fences(this.commands, service, this.replica);
    this.reaper = new Reaper(this.commands, service, this.replica);
    this.heartbeat = new Heartbeat(this.commands, service, this.replica, log, {
      beat: () => this.takeFromDead(),
      lapsed: () => this.abortWhatWasTaken(),
    });
    this.writers = new ReplyWriters(this.commands, (replyTo) => this.callerGone(replyTo));
  }

  override addHandler(
    pattern: string,
    callback: MessageHandler,
    isEventHandler?: boolean,
    extras?: Record<string, unknown>,
  ): void {
    if (this.messageHandlers.has(pattern)) this.duplicates.add(pattern);
    super.addHandler(pattern, callback, isEventHandler, extras);
  }

  /** Nest calls back with the reason when the app must not start. */
  listen(callback: (error?: Error) => void): void {
    this.start().then(
      () => callback(),
      (error: Error) => callback(error),
    );
  }

  /** Stops taking requests, finishes the running ones and leaves the group. */
  async close(): Promise<void> {
    if (this.isClosing) return;
    this.isClosing = true;
    await this.queue.stop();
    await this.finishRunning();
    await this.queue.acknowledged();
    this.heartbeat.stop();
    this.stopObserving?.();
    const { service } = this.options;
    await this.commands
      .leaveGroup(keys.requests(service), keys.heartbeat(service, this.replica), service, this.replica)
      .catch((error: unknown) => this.log.warn('the replica could not leave its group', { err: error }));
    this.commands.disconnect();
    this.subscriber.disconnect();
  }

  on(): never {
    throw new Error('RedisStreamsServer emits no events; watch its metrics instead.');
  }

  unwrap<T>(): T {
    return this.commands as T;
  }

  private async start(): Promise<void> {
    const { service } = this.options;
    checkHandlers({ service, contracts: this.contracts, handlers: this.messageHandlers, duplicates: this.duplicates });
    await Promise.all([connect(this.commands), connect(this.subscriber)]);
    this.subscriber.on('message', (_channel, message) => this.control(message));
    await this.subscriber.subscribe(keys.control(service));
    await this.heartbeat.start();
    this.stopObserving = observeQueue(this.commands, service);
    await this.queue.open({
      freeSlots: () => this.options.slots - this.running.size,
      take: (entries) => void this.take(entries),
      running: () => new Set([...this.running.values()].map(({ entryId }) => entryId)),
      reconnected: () => this.fences.putUpAgain([...this.running.values()].map(({ envelope }) => envelope)),
    });
  }

  /** Fences the requests and starts those that nobody has started before. */
  private async take(entries: readonly Entry[], isRedelivery = false): Promise<void> {
    const executions = this.parse(entries).map((request) => this.reserve(request));
    if (executions.length === 0) return;
    try {
      const granted = await this.fences.start(executions.map(({ envelope }) => envelope));
      for (const [index, execution] of executions.entries()) {
        if (isRedelivery && granted[index]) metrics.redelivered.inc({ contract: execution.envelope.contract });
        void (granted[index] && !execution.isAborted ? this.execute(execution) : this.refuse(execution));
      }
    } catch (error) {
      // They stay pending for this replica and are found again when Redis is back.
      this.log.warn('requests could not be fenced and were not started', { err: error, requests: executions.length });
      for (const execution of executions) this.release(execution);
    }
  }

  /** What can be run here and is not already; the rest is taken out of Redis. */
  private parse(entries: readonly Entry[]): QueuedRequest[] {
    return entries.flatMap(([entryId, fields]) => {
      const envelope = fields && this.parseEnvelope(entryId, fields);
      const contract = envelope && this.contracts.get(envelope.contract);
      const handler = envelope && this.messageHandlers.get(envelope.contract);
      if (envelope && contract && handler) {
        const running = this.running.get(envelope.id);
        if (!running) return [{ entryId, envelope, contract, handler }];
        // Our own pending entry, read again; another entry is a copy of the request.
        if (running.entryId === entryId) return [];
      } else if (envelope) {
        this.log.error('a request for an unknown contract was dropped', {
          contract: envelope.contract,
          entry_id: entryId,
        });
        metrics.dropped.inc({ service: this.options.service, reason: 'unknown_contract' });
      }
      void this.queue.drop(entryId);
      return [];
    });
  }

  private parseEnvelope(entryId: string, fields: readonly string[]): Envelope | undefined {
    try {
      return Envelope.parse(JSON.parse(fieldOf(fields, 'm') ?? 'null'));
    } catch (error) {
      this.log.error('a message that is not a request was dropped', { err: error, entry_id: entryId });
      metrics.dropped.inc({ service: this.options.service, reason: 'not_a_request' });
      return undefined;
    }
  }

  /** Takes a slot. From now on a cancellation is heard. */
  private reserve(request: QueuedRequest): Execution {
    const execution = new Execution(request, this.writers.acquire(request.envelope.replyTo));
    this.running.set(request.envelope.id, execution);
    metrics.running.set(this.running.size);
    return execution;
  }

  private release(execution: Execution): void {
    execution.discard();
    this.running.delete(execution.envelope.id);
    metrics.running.set(this.running.size);
    this.writers.release(execution.envelope.replyTo);
    this.queue.slotIsFree();
  }

  private async execute(execution: Execution): Promise<void> {
    const { envelope, entryId } = execution;
    const startedAt = performance.now();
    const error = await execution.run();
    this.report(envelope, (performance.now() - startedAt) / 1000, error);
    this.fences.finished(envelope);
    const replies = this.writers.acquire(envelope.replyTo);
    this.release(execution);
    // Acknowledged before its answer has left, a request would be forgotten by everyone if this process died now.
    this.answersUnderWay += 1;
    await replies.flushed();
    this.answersUnderWay -= 1;
    this.writers.release(envelope.replyTo);
    if (execution.wasTaken) await this.queue.drop(entryId);
    else this.queue.acknowledge(entryId);
  }

  /**
   * Cancelled, past its deadline, or started before. If whoever started it is dead now, the caller is told, unless the
   * contract allows to run it again.
   */
  private async refuse(execution: Execution): Promise<void> {
    const { request, envelope, entryId } = execution;
    this.release(execution);
    try {
      if (!execution.isAborted && (await this.fences.deadOwner(envelope)) !== undefined) {
        if (request.contract.kind === 'stream' || !request.contract.idempotent) return this.reportLost(request);
        await this.fences.lift(envelope);
        const [isGranted] = await this.fences.start([envelope]);
        if (!isGranted) return; // Somebody else was faster, or it stays pending and is found again.
        metrics.redelivered.inc({ contract: envelope.contract });
        return await this.execute(this.reserve(request));
      }
      await this.queue.drop(entryId);
    } catch (error) {
      this.log.warn('a refused request could not be settled', { err: error, request_id: envelope.requestId });
    }
  }

  private report({ contract, requestId }: Envelope, seconds: number, error: AppError | undefined): void {
    metrics.handleDuration.observe({ contract }, seconds);
    metrics.handled.inc({ contract, outcome: error?.code ?? 'ok' });
    if (error?.code === 'internal')
      this.log.error(`${contract} failed`, { err: error.cause ?? error, request_id: requestId });
  }

  /** What dead replicas had fetched is run here, even above the slots; of what they had started, their callers are told. */
  private async takeFromDead(): Promise<void> {
    if (!this.heartbeat.mayJudge || this.isClosing) return;
    await this.take(await this.reaper.claim(), true);
  }

  private reportLost({ envelope, entryId }: QueuedRequest): void {
    const { contract, replyTo, call, requestId } = envelope;
    metrics.handled.inc({ contract, outcome: 'replica_lost' });
    this.log.warn('a replica died while it ran a request', { contract, request_id: requestId });
    const error = new AppError('replica_lost', 'The replica that ran the request has died.', {
      details: { started: true },
    });
    this.writers.acquire(replyTo).error(call, OUT_OF_BAND, error.toWire());
    this.writers.release(replyTo);
    this.queue.acknowledge(entryId);
  }

  /** This replica was silent for so long that others may have taken its requests. */
  private async abortWhatWasTaken(): Promise<void> {
    const running = [...this.running.values()];
    const own = new Set(await this.queue.ownPending());
    for (const execution of running) {
      if (!own.has(execution.entryId)) execution.giveUp();
    }
  }

  private callerGone(replyTo: string): void {
    const reason = new AppError('cancelled', 'The calling process is gone.');
    for (const execution of this.running.values()) if (execution.envelope.replyTo === replyTo) execution.abort(reason);
  }

  private control(message: string): void {
    try {
      const control = Control.parse(JSON.parse(message));
      if ('ack' in control) this.running.get(control.ack)?.acknowledge(control.read);
      else this.running.get(control.cancel)?.abort(new AppError('cancelled', 'The caller cancelled the request.'));
    } catch (error) {
      this.log.error('a control message that is not one was dropped', { err: error });
    }
  }

  private async finishRunning(): Promise<void> {
    const isIdle = () => this.running.size === 0 && this.answersUnderWay === 0;
    const giveUpAt = Date.now() + this.options.drainTimeoutMs;
    while (!isIdle() && Date.now() < giveUpAt) await sleep(DRAIN_CHECK_EVERY_MS);
    if (isIdle()) return;
    this.log.warn('requests that did not finish in time are aborted', { running: this.running.size });
    for (const execution of this.running.values())
      execution.abort(new AppError('shutting_down', 'The replica is stopping.'));
    while (!isIdle() && Date.now() < giveUpAt + ABORT_TIMEOUT_MS) await sleep(DRAIN_CHECK_EVERY_MS);
  }
}
