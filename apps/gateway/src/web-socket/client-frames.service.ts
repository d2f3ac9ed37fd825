import {
  AppError,
  editMessage,
  followAnswer,
  regenerateAnswer,
  sendMessage,
  startChat,
  stopAnswer,
  type WebSocketClientFrame,
} from '@tollgate/contracts';
import { Messages } from '@tollgate/messaging';
import { childTraceparent, pooledRandomBytes, runInRequest, type RequestContext } from '@tollgate/observability';
import { Inject, Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { ChatService } from '../chat/chat.service.js';
import { ExistingId } from '../chat-sessions/existing-id.pipe.js';
import { toAppError } from '../http/error-response.js';
import { rateLimitExceeded } from '../limits/rate-limit-error.js';
import type { Connection } from './connection.js';
import { Credentials, expiryOf } from './credentials.service.js';
import { RunningTurn, type AnswerPlace, type AskedTurn } from './running-turn.js';
import { errorFrame, type WebSocketServerFrame } from './server-frame.js';
import { SocketTurns } from './socket-turns.service.js';
import { Tickets } from './tickets.service.js';
import { WEB_SOCKET_OPTIONS, type WebSocketOptions } from './web-socket-options.js';

/** Answers that one connection may have on their way; the plan's "at once" is counted besides, over all connections. */
const TURNS_MAX = 32;
const BUSY_RETRY_SECONDS = 1;

type FrameOf<Type extends WebSocketClientFrame['type']> = Extract<WebSocketClientFrame, { type: Type }>;

/** What each frame of a client does. */
@Injectable()
export class ClientFrames {
  private readonly existing = new ExistingId();

  constructor(
    @Inject(WEB_SOCKET_OPTIONS) private readonly options: WebSocketOptions,
    private readonly messages: Messages,
    private readonly chat: ChatService,
    private readonly turns: SocketTurns,
    private readonly tickets: Tickets,
    private readonly credentials: Credentials,
  ) {}

  handle(connection: Connection, frame: WebSocketClientFrame): void {
    switch (frame.type) {
      case 'ping':
        return void connection.send({ type: 'pong', ref: frame.ref });
      case 'history':
        return void connection.send({ type: 'history', ref: frame.ref, messages: connection.conversation.messages });
      case 'clear':
        connection.conversation.clear();
        return void connection.send({ type: 'cleared', ref: frame.ref });
      case 'authenticate':
        return void this.answer(connection, frame.ref, () => this.authenticate(connection, frame));
      case 'stop':
        return void this.stop(connection, frame);
      case 'session.stop':
        return void this.answer(connection, frame.ref, async () => {
          const message = await this.messages.send(stopAnswer, this.placeOf(frame));
          return { type: 'stopped', ref: frame.ref, message };
        });
      default:
        return void this.startTurn(connection, this.turnOf(connection, frame));
    }
  }

  private turnOf(connection: Connection, frame: TurnFrame): AskedTurn {
    const { type, ref } = frame;
    if (frame.type === 'session.resume') {
      const after = frame.last_event_id === undefined ? undefined : Number(frame.last_event_id);
      const follow = () => this.messages.stream(followAnswer, { ...this.placeOf(frame), after });
      return { type, ref, place: frame, events: follow };
    }
    const { type: _type, ref: _ref, idempotency_key: key, ...body } = frame;
    const turn = { type, ref, call: { key, body } };
    switch (frame.type) {
      case 'message':
        return {
          ...turn,
          events: () => {
            const conversation_history = connection.conversation.before(frame.message);
            return this.chat.stream({ ...frame, conversation_history }, () => undefined);
          },
          remember: (answer) => connection.conversation.add(frame.message, answer),
        };
      case 'session.start':
        return { ...turn, events: () => this.messages.stream(startChat, frame) };
      case 'session.message':
        return { ...turn, events: () => this.messages.stream(sendMessage, { ...frame, ...this.sessionOf(frame) }) };
      case 'session.edit':
        return { ...turn, events: () => this.messages.stream(editMessage, { ...frame, ...this.placeOf(frame) }) };
      case 'session.regenerate':
        return {
          ...turn,
          events: () => this.messages.stream(regenerateAnswer, { ...frame, ...this.sessionOf(frame) }),
        };
      default:
        return frame satisfies never;
    }
  }

  private async startTurn(connection: Connection, asked: AskedTurn): Promise<void> {
    const running = new RunningTurn(asked);
    const context = this.contextOf(connection, running.signal);
    const refused = refusalOf(connection, asked);
    if (refused) return connection.send(errorFrame(refused, context.requestId, asked.ref));
    await runInRequest(context, () => this.turns.run(connection, asked, running));
  }

  /** An answer of a chat session is stopped where it is written, and its end says so; any other is given up. */
  private async stop(connection: Connection, { ref }: FrameOf<'stop'>): Promise<void> {
    const turn = connection.turns.get(ref);
    const place = turn?.place;
    if (turn && !place) return turn.stop();
    await this.answer(connection, ref, async () => {
      if (!place) throw new AppError('not_found', 'Nothing with this ref is being answered.', { param: 'ref' });
      await this.messages.send(stopAnswer, this.placeOf(place));
    });
  }

  private async authenticate(
    connection: Connection,
    { ref, ticket }: FrameOf<'authenticate'>,
  ): Promise<WebSocketServerFrame> {
    const credential = this.credentials.of(await this.tickets.redeem(ticket));
    const caller = await this.credentials.callerOf(credential);
    if (caller.user_id !== connection.caller.user_id) {
      throw new AppError('forbidden', 'The ticket is of another user than the connection.', { param: 'ticket' });
    }
    connection.credential = credential;
    connection.caller = caller;
    return { type: 'authenticated', ref, expires_at: expiryOf(credential) };
  }

  private async answer(
    connection: Connection,
    ref: string,
    work: () => Promise<WebSocketServerFrame | undefined | void>,
  ): Promise<void> {
    const context = this.contextOf(connection);
    await runInRequest(context, async () => {
      const frame = await work().catch((thrown: unknown) => errorFrame(toAppError(thrown), context.requestId, ref));
      if (frame) await connection.send(frame);
    });
  }

  /** Each frame is a request of its own, in the trace of the handshake. */
  private contextOf({ caller, traceparent }: Connection, signal?: AbortSignal): RequestContext {
    return {
      requestId: uuidv7({ random: pooledRandomBytes(16) }),
      traceparent: childTraceparent(traceparent),
      caller,
      deadlineAt: Date.now() + this.options.requestTimeoutMs,
      ...(signal && { signal }),
    };
  }

  private sessionOf({ session_id }: { session_id: string }) {
    return { session_id: this.existing.transform(session_id) };
  }

  private placeOf({ session_id, message_id }: AnswerPlace): AnswerPlace {
    return { ...this.sessionOf({ session_id }), message_id: this.existing.transform(message_id) };
  }
}

type TurnFrame = Exclude<
  WebSocketClientFrame,
  { type: 'ping' | 'history' | 'clear' | 'authenticate' | 'stop' | 'session.stop' }
>;

function refusalOf({ isDraining, turns }: Connection, { ref, type }: AskedTurn): AppError | undefined {
  if (isDraining) return new AppError('shutting_down', 'This gateway is stopping; connect anew.');
  if (turns.has(ref)) {
    return new AppError('invalid_request', 'ref: is that of an answer that is still running', { param: 'ref' });
  }
  if (turns.size >= TURNS_MAX) {
    const message = `A connection has at most ${TURNS_MAX} answers on their way.`;
    return rateLimitExceeded(message, { limit: TURNS_MAX, limitName: 'turns', waitMs: 1_000 });
  }
  const isConversing = [...turns.values()].some((turn) => turn.type === 'message');
  if (type !== 'message' || !isConversing) return undefined;
  const message = 'The last message of this conversation is still being answered.';
  return new AppError('session_busy', message, { retryAfterSeconds: BUSY_RETRY_SECONDS });
}
