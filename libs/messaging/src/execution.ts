import { AppError, invalidRequest, type Contract } from '@tollgate/contracts';
import { childTraceparent, runInRequest } from '@tollgate/observability';
import { isObservable, lastValueFrom } from 'rxjs';
import { MessageContext } from './message-context.js';
import type { ReplyWriter } from './reply-writer.js';
import type { Envelope, Frame } from './wire.js';

export type Handler = (data: unknown, context: MessageContext) => unknown;

/** One request that this replica has taken: runs its handler and writes the answer, until the end or an abort. */
export class Execution {
  private readonly controller = new AbortController();
  private readonly deadlineTimer: NodeJS.Timeout;
  private sequence = 0;

  constructor(
    readonly entryId: string,
    readonly envelope: Envelope,
    private readonly contract: Contract,
    private readonly handler: Handler,
    private readonly replies: ReplyWriter,
  ) {
    const remainingMs = Math.max(0, envelope.deadlineAt - Date.now());
    this.deadlineTimer = setTimeout(
      () => this.abort(new AppError('deadline_exceeded', 'The deadline has passed.')),
      remainingMs,
    );
  }

  get isAborted(): boolean {
    return this.controller.signal.aborted;
  }

  abort(reason: AppError): void {
    this.controller.abort(reason);
  }

  /** Never rejects. Returns the error that the caller was told, if any. */
  async run(): Promise<AppError | undefined> {
    const { requestId, traceparent, caller, deadlineAt } = this.envelope;
    const { signal } = this.controller;
    const request = { requestId, traceparent: childTraceparent(traceparent), caller, deadlineAt, signal };
    try {
      await runInRequest(request, () => this.answer());
      return undefined;
    } catch (thrown) {
      // An aborted handler fails in ways of its own; the reason for the abort is the truth.
      const error = AppError.fromUnknown(this.isAborted ? signal.reason : thrown);
      await this.write('error', error.toWire());
      return error;
    } finally {
      clearTimeout(this.deadlineTimer);
      await this.replies.flushed();
    }
  }

  private async answer(): Promise<void> {
    const input = this.contract.input.safeParse(this.envelope.data);
    if (!input.success) throw invalidRequest(input.error.issues);
    const returned = await this.handler(input.data, new MessageContext(this.envelope, this.controller.signal));
    // Nest hands errors of a handler on as an Observable that fails.
    const answer = isObservable(returned) ? await lastValueFrom(returned) : returned;
    if (this.contract.kind === 'request') return this.write('result', answer);
    if (!isAsyncIterable(answer)) throw new Error(`The handler of ${this.contract.name} must return an AsyncIterable`);
    for await (const part of answer) {
      this.controller.signal.throwIfAborted();
      await this.write('part', part);
    }
    this.controller.signal.throwIfAborted();
    await this.write('end', null);
  }

  private write(kind: 'part' | 'result' | 'end', payload: unknown): Promise<void>;
  private write(kind: 'error', payload: ReturnType<AppError['toWire']>): Promise<void>;
  private write(kind: Frame[2], payload: unknown): Promise<void> {
    const frame = [this.envelope.id, this.sequence, kind, payload] as Frame;
    this.sequence += 1;
    return this.replies.write(frame);
  }
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}
