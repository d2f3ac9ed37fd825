import { AppError, type ChatEvent, type ChatTurnEvent, type WebSocketClientFrame } from '@tollgate/contracts';

export type TurnEvent = ChatEvent | ChatTurnEvent;

/** Where the answer of a chat session stands. */
export interface AnswerPlace {
  session_id: string;
  message_id: string;
}

/** What a client asked to be answered part by part. */
export interface AskedTurn {
  type: WebSocketClientFrame['type'];
  ref: string;
  /** A call counts against the plan, and is kept by its key; reading an answer again is none. */
  call?: { key: string | undefined; body: unknown };
  /** Known from the start where an answer is only read again. */
  place?: AnswerPlace;
  events(): AsyncIterable<TurnEvent>;
  /** Called with the text of an answer that was heard to its end, or until it was stopped. */
  remember?: (answer: string) => void;
}

/** One answer on its way. */
export class RunningTurn {
  /** Something of the answer was sent. */
  hasBegun = false;
  isStopped = false;
  answer = '';
  place: AnswerPlace | undefined;
  private readonly cancelling = new AbortController();

  constructor(private readonly asked: AskedTurn) {
    this.place = asked.place;
  }

  get type(): AskedTurn['type'] {
    return this.asked.type;
  }

  get signal(): AbortSignal {
    return this.cancelling.signal;
  }

  see(event: TurnEvent): void {
    this.hasBegun = true;
    if (event.type === 'delta' && this.asked.remember) this.answer += event.delta;
    if (event.type === 'start' && 'session_id' in event) this.place = event;
  }

  /** As its client asked. */
  stop(): void {
    this.isStopped = true;
    this.cancelling.abort(new AppError('cancelled', 'The answer was stopped.'));
  }

  /** The client is gone: what has a key goes on, for one who comes back with it. */
  abandon(): void {
    if (this.asked.call?.key === undefined)
      this.cancelling.abort(new AppError('cancelled', 'The client closed the connection.'));
  }
}
