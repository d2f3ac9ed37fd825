import { AppError, type Contract } from '@tollgate/contracts';
import { OUT_OF_BAND, type Frame } from './wire.js';

/** What a call asks of the side that has sent it. */
interface CallOwner {
  /** Once for each call; with the error if there was one. */
  settled(call: Call, error: AppError | undefined): void;
  /** The other side waits to hear that everything up to this number of parts has been read. */
  read(call: Call, parts: number): void;
  /** The id of its entry is known. */
  added(call: Call): void;
}

export interface CallOptions {
  /** In this process. */
  number: number;
  /** Everywhere. */
  id: string;
  contract: Contract;
  /** Epoch milliseconds, as the next. */
  startedAt: number;
  deadlineAt: number;
  signal: AbortSignal | undefined;
}

/** Whoever waits for the answer of a request, or for the next parts of a stream. */
interface Waiting<Value> {
  resolve: (value: Value) => void;
  reject: (error: AppError) => void;
}

/**
 * The caller's side of one request: takes its frames in order and hands them out.
 *
 * Frames that were seen before are dropped; a hole ends the call with `reply_lost`.
 */
export class Call {
  /** Of the entry in the stream of the service. */
  entryId: string | undefined;
  private buffer: unknown[] = [];
  private nextSequence = 0;
  private isSettled = false;
  private isAwaited = false;
  private failure: AppError | undefined;
  private result: unknown;
  private answer: Waiting<unknown> | undefined;
  private reader: Waiting<unknown[] | undefined> | undefined;

  constructor(
    readonly options: CallOptions,
    private readonly owner: CallOwner,
  ) {
    const { signal } = options;
    if (signal?.aborted) this.cancel();
    else signal?.addEventListener('abort', this.cancel, { once: true });
  }

  get number(): number {
    return this.options.number;
  }

  get deadlineAt(): number {
    return this.options.deadlineAt;
  }

  get hasEnded(): boolean {
    return this.isSettled;
  }

  added(entryId: string): void {
    this.entryId = entryId;
    this.owner.added(this);
  }

  /** Something before it has not arrived. */
  isAhead([, sequence]: Frame): boolean {
    return sequence > this.nextSequence;
  }

  accept(frame: Frame): void {
    if (this.isSettled) return;
    const [, sequence, kind, payload] = frame;
    if (kind === 'error' && sequence === OUT_OF_BAND) return this.fail(AppError.fromWire(payload));
    if (this.isAhead(frame)) return this.fail(new AppError('reply_lost', 'Part of the answer was lost on its way.'));
    if (kind === 'parts') return this.acceptParts(sequence, payload);
    if (sequence < this.nextSequence) return;
    switch (kind) {
      case 'wait':
        this.isAwaited = true;
        if (this.buffer.length === 0) this.reportRead();
        return;
      case 'result':
        this.result = payload;
        return this.settle();
      case 'end':
        return this.settle();
      case 'error':
        return this.fail(AppError.fromWire(payload));
      default:
        return kind satisfies never;
    }
  }

  fail(error: AppError): void {
    if (this.isSettled) return;
    this.failure = error;
    this.settle();
  }

  /** Its deadline has come. */
  expire(): void {
    this.fail(new AppError('deadline_exceeded', `${this.options.contract.service} did not answer in time.`));
  }

  /** The answer of a request contract. */
  whole(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.answer = { resolve, reject };
      if (this.isSettled) this.handOutAnswer();
    });
  }

  /** The next parts of a stream, at least one; undefined at its end. What came before a failure is handed out first. */
  nextParts(): Promise<unknown[] | undefined> {
    return new Promise((resolve, reject) => {
      this.reader = { resolve, reject };
      if (this.buffer.length > 0 || this.isSettled) this.handOutParts();
      else if (this.isAwaited) this.reportRead();
    });
  }

  /** Parts handed to the reader of this call so far. */
  private get readCount(): number {
    return this.nextSequence - this.buffer.length;
  }

  private readonly cancel = () => {
    this.fail(new AppError('cancelled', 'The request was cancelled.', { cause: this.options.signal?.reason }));
  };

  private acceptParts(sequence: number, parts: unknown[]): void {
    const fresh = this.nextSequence - sequence;
    if (fresh >= parts.length) return;
    this.nextSequence = sequence + parts.length;
    const unseen = fresh > 0 ? parts.slice(fresh) : parts;
    if (this.buffer.length === 0) this.buffer = unseen;
    else for (const part of unseen) this.buffer.push(part);
    this.handOutParts();
  }

  private reportRead(): void {
    this.isAwaited = false;
    this.owner.read(this, this.readCount);
  }

  private settle(): void {
    this.isSettled = true;
    this.options.signal?.removeEventListener('abort', this.cancel);
    this.owner.settled(this, this.failure);
    this.handOutAnswer();
    this.handOutParts();
  }

  private handOutAnswer(): void {
    if (this.failure) this.answer?.reject(this.failure);
    else this.answer?.resolve(this.result);
  }

  private handOutParts(): void {
    const { reader } = this;
    if (!reader) return;
    this.reader = undefined;
    if (this.buffer.length > 0) {
      const parts = this.buffer;
      this.buffer = [];
      reader.resolve(parts);
    } else if (this.failure) reader.reject(this.failure);
    else reader.resolve(undefined);
  }
}
