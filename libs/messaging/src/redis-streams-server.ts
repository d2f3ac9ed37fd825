import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, type Contract } from '@tollgate/contracts';
import type { Logger } from '@tollgate/observability';
import { Injectable } from '@nestjs/common';
import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
import type { Redis } from 'ioredis';
import { Execution } from './execution.js';
import { TOLLGATE_TRANSPORT } from './handle.js';
import { metrics } from './metrics.js';
import { commandConnection, connect, readerConnection, subscriberConnection } from './redis.js';
import { ReplyWriter } from './reply-writer.js';
import { Control, Envelope, fieldOf, keys } from './wire.js';

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

/** Read at once: enough to save round trips under load, few enough that one replica does not hoard. */
const READ_COUNT_MAX = 16;
const BLOCK_MS = 5_000;
const RETRY_EVERY_MS = 100;
/** A fence outlives its request's deadline by this, against late copies of the request. */
const FENCE_EXTRA_MS = 10_000;

type Entry = [id: string, fields: string[]];

/**
 * Nest transport strategy over Redis Streams: one stream and one consumer group a service.
 *
 * A request is read by one replica, as long as it has a free slot, and fenced before its handler starts: a fence that
 * stands means that somebody has started it, and nobody starts it again. It is acknowledged and deleted when its answer
 * has been written to the caller's reply stream. Cancellations arrive by publish/subscribe.
 */
@Injectable()
export class RedisStreamsServer extends Server implements CustomTransportStrategy {
  override readonly transportId = TOLLGATE_TRANSPORT;
  private readonly replica = randomUUID();
  private readonly commands: Redis;
  private readonly reader: Redis;
  private readonly subscriber: Redis;
  private readonly contracts: Map<string, Contract>;
  private readonly running = new Map<string, Execution>();
  private readonly writers = new Map<string, { writer: ReplyWriter; users: number }>();
  private readonly duplicates = new Set<string>();
  private slotFreed: (() => void) | undefined;
  private readerId: number | undefined;
  private draining = false;
  private reading: Promise<void> = Promise.resolve();

  constructor(
    private readonly options: RedisStreamsServerOptions,
    private readonly log: Logger,
  ) {
    super();
    this.contracts = new Map(options.contracts.map((contract) => [contract.name, contract]));
    this.commands = commandConnection(options.redisUrl);
    this.reader = readerConnection(options.redisUrl);
    this.subscriber = subscriberConnection(options.redisUrl);
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
    if (this.draining) return;
    this.draining = true;
    await this.unblockReader();
    await this.reading;
    await this.finishRunning();
    await this.leaveGroup().catch((error: unknown) =>
      this.log.warn('the consumer could not leave its group', { err: error }),
    );
    for (const connection of [this.commands, this.reader, this.subscriber]) connection.disconnect();
  }

  on(): never {
    throw new Error('RedisStreamsServer emits no events; watch `status` and the metrics instead.');
  }

  unwrap<T>(): T {
    return this.commands as T;
  }

  private async start(): Promise<void> {
    this.checkHandlers();
    this.reader.on('ready', () => void this.identifyReader());
    await Promise.all([connect(this.commands), connect(this.reader), connect(this.subscriber)]);
    await this.createGroup();
    this.subscriber.on('message', (_channel, message) => this.control(message));
    await this.subscriber.subscribe(keys.control(this.options.service));
    this.reading = this.read();
  }

  private checkHandlers(): void {
    const problems = [
      ...[...this.contracts.keys()]
        .filter((name) => !this.messageHandlers.has(name))
        .map((name) => `${name} has no handler`),
      ...[...this.messageHandlers.keys()]
        .filter((name) => !this.contracts.has(name))
        .map((name) => `${name} is not a contract of ${this.options.service}`),
      ...[...this.duplicates].map((name) => `${name} has two handlers`),
    ];
    if (problems.length > 0) throw new Error(`Contracts and handlers do not match: ${problems.join('; ')}`);
  }

  private get requests(): string {
    return keys.requests(this.options.service);
  }

  private async createGroup(): Promise<void> {
    try {
      // From 0, not $: what was sent before the first replica came up is served too.
      await this.commands.xgroup('CREATE', this.requests, this.options.service, '0', 'MKSTREAM');
    } catch (error) {
      if (!String(error).includes('BUSYGROUP')) throw error;
    }
  }

  private async identifyReader(): Promise<void> {
    this.readerId = await this.reader.client('ID').catch(() => undefined); // Lost again: the next "ready" asks anew.
  }

  private async read(): Promise<void> {
    // After a broken connection the answer to a read may have been lost: its entries are ours already and are read again.
    let readOwnPending = false;
    while (!this.draining) {
      const free = this.options.slots - this.running.size;
      if (free <= 0) {
        await new Promise<void>((resolve) => (this.slotFreed = resolve));
        continue;
      }
      try {
        const entries = await this.readEntries(Math.min(free, READ_COUNT_MAX), readOwnPending ? '0' : '>');
        readOwnPending = false;
        for (const entry of entries) this.take(entry);
      } catch (error) {
        if (this.draining) break;
        this.log.warn('requests cannot be read, trying again', { err: error });
        await sleep(RETRY_EVERY_MS);
        if (String(error).includes('NOGROUP')) await this.createGroup().catch(() => undefined); // Tried again with the next read.
        readOwnPending = true;
      }
    }
  }

  private async readEntries(count: number, from: '>' | '0'): Promise<Entry[]> {
    const { service } = this.options;
    const streams = (await this.reader.xreadgroup(
      'GROUP',
      service,
      this.replica,
      'COUNT',
      count,
      'BLOCK',
      BLOCK_MS,
      'STREAMS',
      this.requests,
      from,
    )) as [string, Entry[]][] | null;
    return (streams ?? []).flatMap(([, entries]) => entries);
  }

  private take([entryId, fields]: Entry): void {
    const envelope = this.parse(entryId, fields);
    if (!envelope) return void this.acknowledge(entryId);
    const running = this.running.get(envelope.id);
    // The same entry again is our own pending one, read after a broken connection; another entry is a copy of the request.
    if (running) {
      if (running.entryId !== entryId) void this.acknowledge(entryId);
      return;
    }
    const contract = this.contracts.get(envelope.contract);
    const handler = this.messageHandlers.get(envelope.contract);
    if (!contract || !handler) {
      this.log.error('a request for an unknown contract was dropped', {
        contract: envelope.contract,
        entry_id: entryId,
      });
      return void this.acknowledge(entryId);
    }
    const execution = new Execution(entryId, envelope, contract, handler, this.acquireWriter(envelope.replyTo));
    this.running.set(envelope.id, execution);
    metrics.running.set(this.running.size);
    void this.execute(execution);
  }

  private parse(entryId: string, fields: readonly string[] | null): Envelope | undefined {
    if (!fields) return undefined; // Deleted by its caller after it was read.
    try {
      return Envelope.parse(JSON.parse(fieldOf(fields, 'm') ?? 'null'));
    } catch (error) {
      this.log.error('a message that is not a request was dropped', { err: error, entry_id: entryId });
      return undefined;
    }
  }

  private async execute(execution: Execution): Promise<void> {
    const { id, contract } = execution.envelope;
    try {
      if (!execution.isAborted && (await this.fence(execution.envelope))) {
        const endTimer = metrics.handleDuration.startTimer({ contract });
        const error = await execution.run();
        endTimer();
        metrics.handled.inc({ contract, outcome: error?.code ?? 'ok' });
        if (error?.code === 'internal')
          this.log.error(`${contract} failed`, { err: error.cause ?? error, request_id: execution.envelope.requestId });
      }
    } catch (error) {
      this.log.error('a request could not be fenced and was not started', { err: error, contract });
    } finally {
      this.running.delete(id);
      metrics.running.set(this.running.size);
      this.releaseWriter(execution.envelope.replyTo);
      await this.acknowledge(execution.entryId);
      this.slotFreed?.();
    }
  }

  /** False when the request has been started before, here or elsewhere, or its deadline has passed. */
  private async fence({ id, deadlineAt }: Envelope): Promise<boolean> {
    const remainingMs = deadlineAt - Date.now();
    if (remainingMs <= 0) return false;
    const key = keys.fence(this.options.service, id);
    return (await this.commands.set(key, this.replica, 'PX', Math.ceil(remainingMs) + FENCE_EXTRA_MS, 'NX')) === 'OK';
  }

  private async acknowledge(entryId: string): Promise<void> {
    try {
      await Promise.all([
        this.commands.xack(this.requests, this.options.service, entryId),
        this.commands.xdel(this.requests, entryId),
      ]);
    } catch (error) {
      // It stays pending and is read again after the reconnect; its fence keeps it from running twice.
      this.log.warn('a finished request could not be acknowledged', { err: error, entry_id: entryId });
    }
  }

  private acquireWriter(replyTo: string): ReplyWriter {
    const entry = this.writers.get(replyTo) ?? {
      writer: new ReplyWriter(this.commands, replyTo, () => this.callerGone(replyTo)),
      users: 0,
    };
    entry.users += 1;
    this.writers.set(replyTo, entry);
    return entry.writer;
  }

  private releaseWriter(replyTo: string): void {
    const entry = this.writers.get(replyTo);
    if (!entry) return;
    entry.users -= 1;
    if (entry.users === 0) this.writers.delete(replyTo);
  }

  private callerGone(replyTo: string): void {
    const reason = new AppError('cancelled', 'The calling process is gone.');
    for (const execution of this.running.values()) if (execution.envelope.replyTo === replyTo) execution.abort(reason);
  }

  private control(message: string): void {
    try {
      const { cancel } = Control.parse(JSON.parse(message));
      this.running.get(cancel)?.abort(new AppError('cancelled', 'The caller cancelled the request.'));
    } catch (error) {
      this.log.error('a control message that is not one was dropped', { err: error });
    }
  }

  /** Ends the blocking read without losing entries that Redis is just handing out, as a disconnect could. */
  private async unblockReader(): Promise<void> {
    this.slotFreed?.();
    if (this.readerId === undefined) return;
    await this.commands.client('UNBLOCK', this.readerId).catch(() => this.reader.disconnect());
  }

  private async finishRunning(): Promise<void> {
    const giveUpAt = Date.now() + this.options.drainTimeoutMs;
    while (this.running.size > 0 && Date.now() < giveUpAt) await sleep(20);
    if (this.running.size === 0) return;
    this.log.warn('requests that did not finish in time are aborted', { running: this.running.size });
    for (const execution of this.running.values())
      execution.abort(new AppError('shutting_down', 'The replica is stopping.'));
    while (this.running.size > 0 && Date.now() < giveUpAt + 5_000) await sleep(20);
  }

  /** A consumer may only be deleted when nothing is pending for it: Redis would drop its entries. */
  private async leaveGroup(): Promise<void> {
    const { service } = this.options;
    const pending = await this.commands.xpending(this.requests, service, '-', '+', 1, this.replica);
    if (pending.length === 0) await this.commands.xgroup('DELCONSUMER', this.requests, service, this.replica);
  }
}
