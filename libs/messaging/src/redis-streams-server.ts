import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, type Contract } from '@tollgate/contracts';
import type { Logger } from '@tollgate/observability';
import { Injectable } from '@nestjs/common';
import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
import type { Redis } from 'ioredis';
import { Executions } from './executions.js';
import { Fences } from './fences.js';
import { TOLLGATE_TRANSPORT } from './handle.js';
import { checkHandlers } from './handler-check.js';
import { Heartbeat } from './heartbeat.js';
import { observe } from './metrics.js';
import { Reaper } from './reaper.js';
import { commandConnection, connect, subscriberConnection } from './redis.js';
import { ReplyWriters } from './reply-writers.js';
import { RequestParser } from './request-parser.js';
import { RequestQueue } from './request-queue.js';
import { RequestRunner } from './request-runner.js';
import { Control, keys } from './wire.js';

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
  private readonly heartbeat: Heartbeat;
  private readonly reaper: Reaper;
  private readonly executions: Executions;
  private readonly runner: RequestRunner;
  private isClosing = false;
  private takingOver: Promise<void> = Promise.resolve();
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
    this.reaper = new Reaper(this.commands, service, this.replica);
    this.heartbeat = new Heartbeat(this.commands, service, this.replica, log, {
      beat: () => this.takeFromDead(),
      lapsed: () => this.runner.abortWhatWasTaken(),
    });
    const writers = new ReplyWriters(this.commands, {
      callerGone: (replyTo) => this.callerGone(replyTo),
      kept: (entryIds) => this.queue.acknowledge(entryIds),
    });
    this.executions = new Executions(options.slots, writers, () => this.queue.slotIsFree());
    this.runner = new RequestRunner(
      {
        parser: new RequestParser(service, this.contracts, this.messageHandlers, log),
        executions: this.executions,
        fences: new Fences(this.commands, service, this.replica),
        heartbeat: this.heartbeat,
        queue: this.queue,
        writers,
      },
      log,
    );
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
    await this.takingOver.catch(() => undefined); // The heartbeat has reported it.
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
    this.stopObserving = observe(service, { redis: this.commands, running: () => this.executions.count });
    await this.queue.open({
      freeSlots: () => this.executions.freeSlots,
      take: (entries) => void this.runner.take(entries),
      takeNew: (entries, since, connection) => this.runner.takeNew(entries, since, connection),
      running: () => new Set(this.executions.all.map(({ entryId }) => entryId)),
      reconnected: () => this.runner.putFencesUpAgain(),
    });
  }

  /** What dead replicas had fetched is run here, even above the slots; of what they had started, their callers are told. */
  private async takeFromDead(): Promise<void> {
    if (!this.heartbeat.mayJudge || this.isClosing) return;
    this.takingOver = this.reaper.claim().then((entries) => this.runner.takeOver(entries));
    await this.takingOver;
  }

  private callerGone(replyTo: string): void {
    const reason = new AppError('cancelled', 'The calling process is gone.');
    this.executions.abort(reason, ({ envelope }) => envelope.replyTo === replyTo);
  }

  private control(message: string): void {
    try {
      const control = Control.parse(JSON.parse(message));
      if ('ack' in control) this.executions.of(control.ack)?.acknowledge(control.read);
      else this.executions.of(control.cancel)?.abort(new AppError('cancelled', 'The caller cancelled the request.'));
    } catch (error) {
      this.log.error('a control message that is not one was dropped', { err: error });
    }
  }

  private async finishRunning(): Promise<void> {
    const giveUpAt = Date.now() + this.options.drainTimeoutMs;
    await this.untilIdle(giveUpAt);
    if (this.runner.isIdle) return;
    this.log.warn('requests that did not finish in time are aborted', { running: this.executions.count });
    this.executions.abort(new AppError('shutting_down', 'The replica is stopping.'));
    await this.untilIdle(giveUpAt + ABORT_TIMEOUT_MS);
  }

  private async untilIdle(giveUpAt: number): Promise<void> {
    while (!this.runner.isIdle && Date.now() < giveUpAt) await sleep(DRAIN_CHECK_EVERY_MS);
  }
}
