import { AppError, type Caller } from '@tollgate/contracts';
import { BaseRpcContext } from '@nestjs/microservices';
import type { Envelope } from './wire.js';

/** What a handler knows of the request beside its data; inject it with Nest's `@Ctx()`. */
export class MessageContext extends BaseRpcContext<[Envelope]> {
  constructor(
    envelope: Envelope,
    private readonly execution: { readonly signal: AbortSignal },
  ) {
    super([envelope]);
  }

  private get envelope(): Envelope {
    return this.getArgByIndex(0);
  }

  /** Aborts when the caller cancelled, went away or ran out of time. Hand it to everything that takes long. */
  get signal(): AbortSignal {
    return this.execution.signal;
  }

  /** Unique for this message; the same for no other, retries of the client included. */
  get messageId(): string {
    return this.envelope.id;
  }

  /** Of the client's request that this message is part of. */
  get requestId(): string {
    return this.envelope.requestId;
  }

  /** Epoch milliseconds. */
  get deadlineAt(): number {
    return this.envelope.deadlineAt;
  }

  get caller(): Caller {
    const { caller } = this.envelope;
    if (!caller) throw new AppError('unauthenticated', 'This operation needs an authenticated caller.');
    return caller;
  }
}
