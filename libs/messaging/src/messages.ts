import {
  AppError,
  type Contract,
  type InputOf,
  type OutputOf,
  type PartOf,
  type RequestContract,
  type StreamContract,
} from '@tollgate/contracts';
import { childTraceparent, currentRequest, type Logger, type RequestContext } from '@tollgate/observability';
import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { Call } from './call.js';
import { Deadlines } from './deadlines.js';
import { MessageIds } from './message-ids.js';
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

/** All that is remembered of a call that ended on this side first. */
interface Abandoned {
  service: string;
  id: string;
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
  private readonly ids = new MessageIds();
  private readonly deadlines = new Deadlines();
  /** By the number of the call; its frames may still come until its deadline. */
  private readonly abandoned = new Map<number, Abandoned>();
  private lastCall = 0;
  private readonly calls = {
    settled: (call: Call, error: AppError | undefined) => this.settled(call, error),
    read: ({ options }: Call, read: number) => this.tell(options.contract.service, { ack: options.id, read }),
    // Ended while it was on its way: the cancellation did not know the entry yet.
    added: (call: Call) => void (this.abandoned.has(call.number) && this.withdraw(call)),
  };

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

  send<C extends RequestContract>(contract: C, input: InputOf<C>, options: SendOptions = {}): Promise<OutputOf<C>> {
    // The handler's return type is checked against the same contract by the compiler.
    return this.start(contract, input, options).whole() as Promise<OutputOf<C>>;
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

  private start(contract: Contract, data: unknown, { timeoutMs, signal }: SendOptions): Call {
    const request = currentRequest();
    const startedAt = Date.now();
    const call = new Call(
      {
        number: (this.lastCall += 1),
        id: this.ids.next(),
        contract,
        startedAt,
        deadlineAt: Math.min(request?.deadlineAt ?? Infinity, startedAt + (timeoutMs ?? this.options.timeoutMs)),
        signal: combine(request?.signal, signal),
      },
      this.calls,
    );
    if (!call.hasEnded) this.add(call, request, data);
    return call;
  }

  /** Never throws: what goes wrong ends the call. */
  private add(call: Call, request: RequestContext | undefined, data: unknown): void {
    const { number, id, contract, deadlineAt } = call.options;
    this.inbox.register(call);
    this.deadlines.add(call);
    const envelope = {
      v: PROTOCOL_VERSION,
      id,
      contract: contract.name,
      replyTo: this.inbox.key,
      call: number,
      deadlineAt,
      requestId: request?.requestId ?? id,
      traceparent: childTraceparent(request?.traceparent),
      caller: request?.caller,
      data,
    } as const;
    try {
      this.requests.add(contract.service, encodeEnvelope(envelope), call);
    } catch (error) {
      call.fail(AppError.fromUnknown(error));
    }
  }

  private settled(call: Call, error: AppError | undefined): void {
    const { contract, startedAt } = call.options;
    this.deadlines.delete(call);
    this.inbox.forget(call.number);
    metrics.sent.inc({ contract: contract.name, outcome: error?.code ?? 'ok' });
    metrics.sendDuration.observe({ contract: contract.name }, (Date.now() - startedAt) / 1000);
    if (error && mayStillRun(error)) this.abandon(call);
  }

  /** Takes the request out of the queue if it still waits there, and tells the replica that may be running it. */
  private abandon(call: Call): void {
    const { number, id, contract, deadlineAt } = call.options;
    const { service } = contract;
    const remainingMs = deadlineAt - Date.now();
    if (call.entryId !== undefined) void this.withdraw(call);
    else if (remainingMs > 0) this.forbid(service, id, remainingMs);
    this.tell(service, { cancel: id });
    if (remainingMs <= 0) return;
    this.abandoned.set(number, { service, id });
    this.deadlines.add({ deadlineAt, expire: () => this.abandoned.delete(number) });
  }

  /** Publish/subscribe may have lost the cancellation; that frames still come is a sign of it. */
  private cancelAgain([call, , kind]: Frame): void {
    const abandoned = this.abandoned.get(call);
    if (!abandoned) return;
    if (kind === 'parts' || kind === 'wait') this.tell(abandoned.service, { cancel: abandoned.id });
    else this.abandoned.delete(call);
  }

  private async withdraw({ entryId, options }: Call): Promise<void> {
    if (entryId === undefined) return;
    await this.commands.xdel(keys.requests(options.contract.service), entryId).catch(() => undefined); // Not started after its deadline anyway.
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

/** Failures that come from this side, so that the other side may still be working. */
function mayStillRun(error: AppError): boolean {
  return ['cancelled', 'deadline_exceeded', 'reply_lost', 'shutting_down', 'unavailable'].includes(error.code);
}
