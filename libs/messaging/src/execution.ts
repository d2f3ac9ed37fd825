import { AppError, invalidRequest, type Caller, type Contract } from '@tollgate/contracts';
import { childTraceparent, runInRequest, type RequestContext } from '@tollgate/observability';
import { isObservable, lastValueFrom } from 'rxjs';
import { MessageContext } from './message-context.js';
import type { ReplyWriter } from './reply-writer.js';
import { SendWindow } from './send-window.js';
import { encodePayload, type Envelope } from './wire.js';

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
  private reason: AppError | undefined;
  /** Made when a handler looks at its signal. */
  private controller: AbortController | undefined;
  /** Of a stream. */
  private window: SendWindow | undefined;
  private sequence = 0;
  private isTaken = false;
  private isAnswered = false;

  constructor(
    readonly request: QueuedRequest,
    private readonly replies: ReplyWriter,
  ) {}

  get entryId(): string {
    return this.request.entryId;
  }

  get envelope(): Envelope {
    return this.request.envelope;
  }

  get deadlineAt(): number {
    return this.envelope.deadlineAt;
  }

  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    if (this.reason) this.controller.abort(this.reason);
    return this.controller.signal;
  }

  get isAborted(): boolean {
    return this.reason !== undefined;
  }

  /** Its deadline has passed. */
  get isOverdue(): boolean {
    return this.deadlineAt <= Date.now();
  }

  /** The last frame of the answer has been written. */
  get hasAnswered(): boolean {
    return this.isAnswered;
  }

  abort(reason: AppError): void {
    this.reason ??= reason;
    this.controller?.abort(this.reason);
    this.window?.close();
  }

  expire(): void {
    this.abort(new AppError('deadline_exceeded', 'The deadline has passed.'));
  }

  /** Another replica has taken the request over and has told the caller, or answers in our place. */
  giveUp(): void {
    this.isTaken = true;
    this.abort(new AppError('replica_lost', 'The replica was taken for dead.'));
  }

  /** The caller has read this many parts. */
  acknowledge(read: number): void {
    this.window?.acknowledge(read);
  }

  /** Never rejects. Returns the error that the caller was told, if any. */
  async run(): Promise<AppError | undefined> {
    try {
      await runInRequest(new ExecutionContext(this), () => this.answer());
      return undefined;
    } catch (thrown) {
      // An aborted handler fails in ways of its own; the reason for the abort is the truth.
      const error = this.reason ?? AppError.fromUnknown(thrown);
      if (!this.isTaken) {
        this.replies.error(this.envelope.call, this.sequence, error.toWire(), this.entryId);
        this.isAnswered = true;
      }
      return error;
    }
  }

  private async answer(): Promise<void> {
    const { contract, handler } = this.request;
    const input = contract.input.safeParse(this.envelope.data);
    if (!input.success) throw invalidRequest(input.error.issues);
    const returned = await handler(input.data, new MessageContext(this.envelope, this));
    // Nest hands errors of a handler on as an Observable that fails.
    const answer: unknown = isObservable(returned) ? await lastValueFrom(returned) : returned;
    if (this.isTaken) return;
    if (contract.kind === 'request') this.replies.result(this.envelope.call, this.sequence, answer, this.entryId);
    else if (isAsyncIterable(answer)) await this.writeParts(answer);
    else throw new Error(`The handler of ${contract.name} must return an AsyncIterable`);
    this.isAnswered = true;
  }

  private async writeParts(parts: AsyncIterable<unknown>): Promise<void> {
    const { replies } = this;
    const { turn } = replies;
    const { call } = this.envelope;
    const window = (this.window = new SendWindow(() => replies.wait(call, this.sequence)));
    for await (const part of parts) {
      if (this.reason) throw this.reason;
      const encoded = encodePayload(part);
      const room = replies.part(call, this.sequence, encoded);
      this.sequence += 1;
      const windowOpen = window.sent(encoded.length);
      if (room) await room;
      if (windowOpen) await windowOpen;
      // What always has its next part at hand, and the first part of each stream, gives way to those who read.
      if (this.sequence === 1 || turn.isOver) await replies.handedOn();
    }
    if (this.reason) throw this.reason;
    replies.end(call, this.sequence, this.entryId);
  }
}

/** What most handlers never ask for is made when they do. */
class ExecutionContext implements RequestContext {
  readonly requestId: string;
  readonly deadlineAt: number;
  caller?: Caller;
  private child: string | undefined;

  constructor(private readonly execution: Execution) {
    const { requestId, deadlineAt, caller } = execution.envelope;
    this.requestId = requestId;
    this.deadlineAt = deadlineAt;
    if (caller) this.caller = caller;
  }

  get traceparent(): string {
    return (this.child ??= childTraceparent(this.execution.envelope.traceparent));
  }

  get signal(): AbortSignal {
    return this.execution.signal;
  }
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}
