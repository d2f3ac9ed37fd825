import {
  AppError,
  type Contract,
  type InputOf,
  type OutputOf,
  type PartOf,
  type RequestContract,
  type StreamContract,
} from '@tollgate/contracts';
import { childTraceparent, currentRequest, pooledRandomBytes, type Logger } from '@tollgate/observability';
import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { v7 as uuidv7 } from 'uuid';
import { Call } from './call.js';
import { metrics } from './metrics.js';
import { PartStream } from './part-stream.js';
import { commandConnection, connect, subscriberConnection } from './redis.js';
import { ReplyInbox } from './reply-inbox.js';
import { RequestWriter } from './request-writer.js';
import { CANCELLED, encodeEnvelope, keys, PROTOCOL_VERSION, type Control, type Frame } from './wire.js';

export interface MessagesOptions {
  redisUrl: string;
  /** Requests of one service, waiting and running, above which a new one is refused as `overloaded`. */
  queueMax: number;
  /** Deadline of a request that has no earlier one from the request it is part of. */
  timeoutMs: number;
}

export interface SendOptions {
  /** Shortens the deadline; never lengthens the one inherited from the current request. */
  timeoutMs?: number;
  /** Cancels; added to the signal of the current request. */
  signal?: AbortSignal;
}

/** A call that ended on this side first: its frames may still come until its deadline. */
interface Abandoned {
  service: string;
  id: string;
  deadlineAt: number;
}

/**
 * The typed client of every service.
 *
 * A call inherits caller, request id, trace, deadline and cancellation of the request that is running ({@link
 * currentRequest}). It always ends: with its answer, with the handler's AppError, or with `deadline_exceeded`,
 * `cancelled`, `overloaded`, `unavailable` (Redis is away), `replica_lost`, `reply_lost` or `shutting_down`.
 */
@Injectable()
export class Messages implements OnModuleInit, OnApplicationShutdown {
  private readonly commands: Redis;
  private readonly subscriber: Redis;
  private readonly inbox: ReplyInbox;
  private readonly requests: RequestWriter;
  private readonly abandoned = new Map<number, Abandoned>();
  private lastCall = 0;

  constructor(
    private readonly options: MessagesOptions,
    logger: Logger,
  ) {
    this.commands = commandConnection(options.redisUrl);
    this.subscriber = subscriberConnection(options.redisUrl);
    this.inbox = new ReplyInbox(this.commands, this.subscriber, logger, (frame) => this.cancelAgain(frame));
    this.requests = new RequestWriter(this.commands, options.queueMax);
  }

  async onModuleInit(): Promise<void> {
    await Promise.all([connect(this.commands), connect(this.subscriber)]);
    await this.inbox.open();
  }

  async onApplicationShutdown(): Promise<void> {
    this.inbox.failAll(new AppError('shutting_down', 'The service is stopping.'));
    await this.inbox.close();
    this.commands.disconnect();
  }

  async send<C extends RequestContract>(
    contract: C,
    input: InputOf<C>,
    options: SendOptions = {},
  ): Promise<OutputOf<C>> {
    // The handler's return type is checked against the same contract by the compiler.
    return (await this.start(contract, input, options).whole()) as OutputOf<C>;
  }

  /** Sends when iterated; leaving the loop early cancels the request everywhere. */
  stream<C extends StreamContract>(
    contract: C,
    input: InputOf<C>,
    options: SendOptions = {},
  ): AsyncIterableIterator<PartOf<C>, void> {
    return new PartStream(() => this.start(contract, input, options));
  }

  /** Resolves when Redis answers. */
  async ping(): Promise<void> {
    await this.commands.ping();
  }

  /** Whether a replica of the service that owns a contract has given a sign of life lately. */
  async isServed({ service }: Contract): Promise<boolean> {
    const requests = keys.requests(service);
    if ((await this.commands.exists(requests)) === 0) return false;
    const groups = (await this.commands.xinfo('GROUPS', requests)) as unknown[];
    if (groups.length === 0) return false;
    const consumers = (await this.commands.xinfo('CONSUMERS', requests, service)) as string[][];
    const heartbeats = consumers.flatMap(([, name]) => (name === undefined ? [] : [keys.heartbeat(service, name)]));
    return heartbeats.length > 0 && (await this.commands.exists(...heartbeats)) > 0;
  }

  private start(contract: Contract, data: unknown, options: SendOptions): Call {
    const request = currentRequest();
    const id = uuidv7({ random: pooledRandomBytes(16) });
    const startedAt = Date.now();
    const deadlineAt = Math.min(
      request?.deadlineAt ?? Infinity,
      startedAt + (options.timeoutMs ?? this.options.timeoutMs),
    );
    const signal = combine(request?.signal, options.signal);
    const cancel = () => call.fail(new AppError('cancelled', 'The request was cancelled.', { cause: signal?.reason }));
    const timer = setTimeout(() => call.fail(deadlineExceeded(contract)), Math.max(0, deadlineAt - startedAt));
    let entryId: string | undefined;
    const call = new Call((this.lastCall += 1), {
      settled: (error) => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', cancel);
        this.inbox.forget(call.number);
        metrics.sent.inc({ contract: contract.name, outcome: error?.code ?? 'ok' });
        metrics.sendDuration.observe({ contract: contract.name }, (Date.now() - startedAt) / 1000);
        if (error && mayStillRun(error))
          this.abandon(call.number, { service: contract.service, id, deadlineAt }, entryId);
      },
      read: (read) => this.tell(contract.service, { ack: id, read }),
    });
    if (signal?.aborted) {
      cancel();
      return call;
    }
    signal?.addEventListener('abort', cancel, { once: true });
    this.inbox.register(call);
    const envelope = {
      v: PROTOCOL_VERSION,
      id,
      contract: contract.name,
      replyTo: this.inbox.key,
      call: call.number,
      deadlineAt,
      requestId: request?.requestId ?? id,
      traceparent: childTraceparent(request?.traceparent),
      caller: request?.caller,
      data,
    } as const;
    void this.add(call, contract, envelope).then((added) => (entryId = added));
    return call;
  }

  /** Never rejects: what goes wrong ends the call. */
  private async add(
    call: Call,
    { service }: Contract,
    envelope: Parameters<typeof encodeEnvelope>[0],
  ): Promise<string | undefined> {
    try {
      const entryId = await this.requests.add(service, encodeEnvelope(envelope));
      // Ended while it was on its way: the cancellation did not know the entry yet.
      if (call.hasEnded && this.abandoned.has(call.number)) await this.withdraw(service, entryId);
      return entryId;
    } catch (error) {
      call.fail(AppError.fromUnknown(error));
      return undefined;
    }
  }

  /** Takes the request out of the queue if it still waits there, and tells the replica that may be running it. */
  private abandon(call: number, { service, id, deadlineAt }: Abandoned, entryId: string | undefined): void {
    const remainingMs = deadlineAt - Date.now();
    if (entryId !== undefined) void this.withdraw(service, entryId);
    else if (remainingMs > 0) this.forbid(service, id, remainingMs);
    this.tell(service, { cancel: id });
    if (remainingMs <= 0) return;
    this.abandoned.set(call, { service, id, deadlineAt });
    setTimeout(() => this.abandoned.delete(call), remainingMs).unref();
  }

  /** Publish/subscribe may have lost the cancellation; that frames still come is a sign of it. */
  private cancelAgain([call, , kind]: Frame): void {
    const abandoned = this.abandoned.get(call);
    if (!abandoned) return;
    if (kind === 'parts' || kind === 'wait') this.tell(abandoned.service, { cancel: abandoned.id });
    else this.abandoned.delete(call);
  }

  private async withdraw(service: string, entryId: string): Promise<void> {
    await this.commands.xdel(keys.requests(service), entryId).catch(() => undefined); // Not started after its deadline anyway.
  }

  /** The request may be on its way to a Redis that stands still: with its fence taken, nobody starts it when it arrives. */
  private forbid(service: string, id: string, remainingMs: number): void {
    this.commands.set(keys.fence(service, id), CANCELLED, 'PX', Math.ceil(remainingMs), 'NX').catch(() => undefined);
  }

  /** Redis away: the handler ends at its deadline instead. */
  private tell(service: string, message: Control): void {
    this.commands.publish(keys.control(service), JSON.stringify(message)).catch(() => undefined);
  }
}

function combine(inherited: AbortSignal | undefined, given: AbortSignal | undefined): AbortSignal | undefined {
  return inherited && given ? AbortSignal.any([inherited, given]) : (inherited ?? given);
}

function deadlineExceeded(contract: Contract): AppError {
  return new AppError('deadline_exceeded', `${contract.service} did not answer in time.`);
}

/** Failures that come from this side, so that the other side may still be working. */
function mayStillRun(error: AppError): boolean {
  return ['cancelled', 'deadline_exceeded', 'reply_lost', 'shutting_down', 'unavailable'].includes(error.code);
}
