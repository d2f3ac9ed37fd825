import {
  AppError,
  type Contract,
  type InputOf,
  type OutputOf,
  type PartOf,
  type RequestContract,
  type StreamContract,
} from '@tollgate/contracts';
import { childTraceparent, currentRequest, type Logger } from '@tollgate/observability';
import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { v7 as uuidv7 } from 'uuid';
import { Call } from './call.js';
import { metrics } from './metrics.js';
import { commandConnection, connect, readerConnection } from './redis.js';
import { ReplyInbox } from './reply-inbox.js';
import { encodeEnvelope, keys, PROTOCOL_VERSION, type Control } from './wire.js';

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

const OVERLOADED_RETRY_AFTER_SECONDS = 1;

/**
 * The typed client of every service.
 *
 * A call inherits caller, request id, trace, deadline and cancellation of the request that is running ({@link
 * currentRequest}). It always ends: with its answer, with the handler's AppError, or with `deadline_exceeded`,
 * `cancelled`, `overloaded`, `unavailable` (Redis is away), `reply_lost` or `shutting_down`.
 */
@Injectable()
export class Messages implements OnModuleInit, OnApplicationShutdown {
  private readonly commands: Redis;
  private readonly reader: Redis;
  private readonly inbox: ReplyInbox;

  constructor(
    private readonly options: MessagesOptions,
    logger: Logger,
  ) {
    this.commands = commandConnection(options.redisUrl);
    this.reader = readerConnection(options.redisUrl);
    this.inbox = new ReplyInbox(this.commands, this.reader, logger);
  }

  async onModuleInit(): Promise<void> {
    await Promise.all([connect(this.commands), connect(this.reader)]);
    await this.inbox.open();
  }

  async onApplicationShutdown(): Promise<void> {
    for (const call of this.inbox.openCalls) call.fail(new AppError('shutting_down', 'The service is stopping.'));
    await this.inbox.close();
    this.commands.disconnect();
  }

  async send<C extends RequestContract>(
    contract: C,
    input: InputOf<C>,
    options: SendOptions = {},
  ): Promise<OutputOf<C>> {
    const call = await this.start(contract, input, options);
    // The handler's return type is checked against the same contract by the compiler.
    return (await call.whole()) as OutputOf<C>;
  }

  /** Sends when iterated; leaving the loop early cancels the request everywhere. */
  async *stream<C extends StreamContract>(
    contract: C,
    input: InputOf<C>,
    options: SendOptions = {},
  ): AsyncGenerator<PartOf<C>, void> {
    const call = await this.start(contract, input, options);
    try {
      for await (const part of call.parts()) yield part as PartOf<C>;
    } finally {
      call.fail(new AppError('cancelled', 'The caller stopped reading.'));
    }
  }

  /** Resolves when Redis answers. */
  async ping(): Promise<void> {
    await this.commands.ping();
  }

  private async start(contract: Contract, data: unknown, options: SendOptions): Promise<Call> {
    const request = currentRequest();
    const id = uuidv7();
    const deadlineAt = Math.min(
      request?.deadlineAt ?? Infinity,
      Date.now() + (options.timeoutMs ?? this.options.timeoutMs),
    );
    const signals = [request?.signal, options.signal].filter((signal) => signal !== undefined);
    const signal = signals.length > 1 ? AbortSignal.any(signals) : signals[0];
    if (signal?.aborted) throw new AppError('cancelled', 'The request was cancelled.', { cause: signal.reason });

    const startedAt = performance.now();
    const cancel = () => call.fail(new AppError('cancelled', 'The request was cancelled.', { cause: signal?.reason }));
    const timer = setTimeout(() => call.fail(deadlineExceeded(contract)), Math.max(0, deadlineAt - Date.now()));
    const call = new Call(id, (error) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
      this.inbox.forget(id);
      metrics.sent.inc({ contract: contract.name, outcome: error?.code ?? 'ok' });
      metrics.sendDuration.observe({ contract: contract.name }, (performance.now() - startedAt) / 1000);
      if (error && callerGaveUp(error)) this.cancel(contract.service, id, entryId);
    });
    signal?.addEventListener('abort', cancel, { once: true });
    this.inbox.register(call);

    let entryId: string | null = null;
    try {
      const message = encodeEnvelope({
        v: PROTOCOL_VERSION,
        id,
        contract: contract.name,
        replyTo: this.inbox.key,
        deadlineAt,
        requestId: request?.requestId ?? id,
        traceparent: childTraceparent(request?.traceparent),
        caller: request?.caller,
        data,
      });
      entryId = await this.add(contract, message);
      // Cancelled while it was on its way: the first cancel did not know the entry yet.
      if (call.isSettled) this.cancel(contract.service, id, entryId);
    } catch (error) {
      call.fail(AppError.fromUnknown(error));
    }
    return call;
  }

  private async add(contract: Contract, message: string): Promise<string> {
    const entryId = await this.commands
      .addRequest(keys.requests(contract.service), this.options.queueMax, message)
      .catch((error: unknown) => {
        throw new AppError('unavailable', 'The message bus cannot be reached.', { cause: error, retryAfterSeconds: 1 });
      });
    if (entryId !== null) return entryId;
    throw new AppError('overloaded', `The queue of ${contract.service} is full.`, {
      retryAfterSeconds: OVERLOADED_RETRY_AFTER_SECONDS,
    });
  }

  /** Takes the request out of the queue if it still waits there, and tells the replica that may be running it. */
  private cancel(service: string, id: string, entryId: string | null): void {
    const message: Control = { cancel: id };
    const steps: Promise<unknown>[] = [this.commands.publish(keys.control(service), JSON.stringify(message))];
    if (entryId !== null) steps.push(this.commands.xdel(keys.requests(service), entryId));
    // Redis away: the handler ends at its deadline instead.
    void Promise.allSettled(steps);
  }
}

function deadlineExceeded(contract: Contract): AppError {
  return new AppError('deadline_exceeded', `${contract.service} did not answer in time.`);
}

/** Failures that come from this side, so that the other side may still be working. */
function callerGaveUp(error: AppError): boolean {
  return ['cancelled', 'deadline_exceeded', 'reply_lost', 'shutting_down'].includes(error.code);
}
