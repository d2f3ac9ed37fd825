import { setImmediate } from 'node:timers/promises';
import { AppError, invalidRequest, type Contract } from '@tollgate/contracts';
import { childTraceparent, runInRequest } from '@tollgate/observability';
import { isObservable, lastValueFrom } from 'rxjs';
import { MessageContext } from './message-context.js';
import type { ReplyWriter } from './reply-writer.js';
import { SendWindow } from './send-window.js';
import { encodePayload, type Envelope } from './wire.js';

/** A handler that never waits must not keep the first parts of others, and the cancellation of its own, from passing. */
const TURN_MS = 1;

export type Handler = (data: unknown, context: MessageContext) => unknown;

/** A request of this service, read from its stream. */
export interface QueuedRequest {
  entryId: string;
  envelope: Envelope;
  contract: Contract;
  handler: Handler;
}

/** One request that this replica has taken: runs its handler and writes the answer, until the end or an abort. */
export class Execution {
  private readonly controller = new AbortController();
  private readonly deadlineTimer: NodeJS.Timeout;
  private readonly window: SendWindow;
  private sequence = 0;
  private isTaken = false;

  constructor(
    readonly request: QueuedRequest,
    private readonly replies: ReplyWriter,
  ) {
    const { envelope } = request;
    const remainingMs = Math.max(0, envelope.deadlineAt - Date.now());
    this.deadlineTimer = setTimeout(
      () => this.abort(new AppError('deadline_exceeded', 'The deadline has passed.')),
      remainingMs,
    );
    this.window = new SendWindow(this.controller.signal, () => replies.wait(envelope.call, this.sequence));
  }

  get entryId(): string {
    return this.request.entryId;
  }

  get envelope(): Envelope {
    return this.request.envelope;
  }

  get isAborted(): boolean {
    return this.controller.signal.aborted;
  }

  /** Its deadline has passed. */
  get isOverdue(): boolean {
    return this.envelope.deadlineAt <= Date.now();
  }

  abort(reason: AppError): void {
    this.controller.abort(reason);
  }

  /** Another replica has taken the request over and has told the caller, or answers in our place. */
  giveUp(): void {
    this.isTaken = true;
    this.abort(new AppError('replica_lost', 'The replica was taken for dead.'));
  }

  get wasTaken(): boolean {
    return this.isTaken;
  }

  /** The caller has read this many parts. */
  acknowledge(read: number): void {
    this.window.acknowledge(read);
  }

  /** Without having run. */
  discard(): void {
    clearTimeout(this.deadlineTimer);
  }

  /** Never rejects. Returns the error that the caller was told, if any. */
  async run(): Promise<AppError | undefined> {
    const { requestId, traceparent, caller, deadlineAt, call } = this.envelope;
    const { signal } = this.controller;
    const request = { requestId, traceparent: childTraceparent(traceparent), caller, deadlineAt, signal };
    try {
      await runInRequest(request, () => this.answer());
      return undefined;
    } catch (thrown) {
      // An aborted handler fails in ways of its own; the reason for the abort is the truth.
      const error = AppError.fromUnknown(this.isAborted ? signal.reason : thrown);
      if (!this.isTaken) this.replies.error(call, this.sequence, error.toWire());
      return error;
    } finally {
      clearTimeout(this.deadlineTimer);
    }
  }

  private async answer(): Promise<void> {
    const { contract, handler } = this.request;
    const input = contract.input.safeParse(this.envelope.data);
    if (!input.success) throw invalidRequest(input.error.issues);
    const returned = await handler(input.data, new MessageContext(this.envelope, this.controller.signal));
    // Nest hands errors of a handler on as an Observable that fails.
    const answer: unknown = isObservable(returned) ? await lastValueFrom(returned) : returned;
    if (this.isTaken) return;
    if (contract.kind === 'request') return this.replies.result(this.envelope.call, this.sequence, answer);
    if (!isAsyncIterable(answer)) throw new Error(`The handler of ${contract.name} must return an AsyncIterable`);
    await this.writeParts(answer);
    this.replies.end(this.envelope.call, this.sequence);
  }

  private async writeParts(parts: AsyncIterable<unknown>): Promise<void> {
    const { signal } = this.controller;
    let turnEndsAt = performance.now() + TURN_MS;
    for await (const part of parts) {
      signal.throwIfAborted();
      const encoded = encodePayload(part);
      const room = this.replies.part(this.envelope.call, this.sequence, encoded);
      this.sequence += 1;
      const windowOpen = this.window.sent(encoded.length);
      if (room) await room;
      if (windowOpen) await windowOpen;
      if (performance.now() > turnEndsAt) {
        await setImmediate();
        turnEndsAt = performance.now() + TURN_MS;
      }
    }
    signal.throwIfAborted();
  }
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}
