import {
  editMessage,
  regenerateAnswer,
  sendMessage,
  startChat,
  type ChatFunction,
  type ChatTurnEvent,
  type InputOf,
  type ToolChoice,
} from '@tollgate/contracts';
import type { ChatSession } from '@tollgate/database';
import type { MessageContext } from '@tollgate/messaging';
import { Inject, Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { TURN_OPTIONS, type TurnOptions } from '../coordination/answer-events.js';
import { SessionLocks } from '../coordination/session-locks.js';
import { FunctionOffers } from '../functions/function-offers.service.js';
import type { AnswerOptions } from './answer-generation.service.js';
import { Answering } from './answering.service.js';
import { Following } from './following.service.js';
import { Recovery } from './recovery.service.js';
import { TurnStore, type Origin, type Turn } from './turn-store.js';

interface TurnRequest extends AnswerOptions {
  session_id: string;
  on_conflict: 'wait' | 'reject';
  tools?: readonly ChatFunction[] | null;
  tool_choice?: ToolChoice | null;
}

/** One turn of a session at a time: lock, question, answer. */
@Injectable()
export class Turns {
  constructor(
    private readonly locks: SessionLocks,
    private readonly store: TurnStore,
    private readonly answering: Answering,
    private readonly following: Following,
    private readonly recovery: Recovery,
    private readonly functions: FunctionOffers,
    @Inject(TURN_OPTIONS) private readonly options: TurnOptions,
  ) {}

  start(input: InputOf<typeof startChat>, context: MessageContext) {
    const sessionId = uuidv7();
    const request: TurnRequest = { ...input, session_id: sessionId, on_conflict: 'wait' };
    return this.run(request, context, (origin) => this.store.open(sessionId, input, input.initial_message, origin));
  }

  send(input: InputOf<typeof sendMessage>, context: MessageContext) {
    const { user_message: content = '', tool_results: toolResults } = input;
    const said = toolResults ? { toolResults } : { content };
    return this.next(input, context, (session, origin) => this.store.append(session, said, origin));
  }

  edit(input: InputOf<typeof editMessage>, context: MessageContext) {
    return this.next(input, context, (session, origin) =>
      this.store.edit(session, input.message_id, input.user_message, origin),
    );
  }

  regenerate(input: InputOf<typeof regenerateAnswer>, context: MessageContext) {
    return this.next(input, context, (session, origin) => this.store.regenerate(session, origin));
  }

  /** A turn of a session that exists, on top of whatever its last turn left. */
  private async *next(
    request: TurnRequest,
    context: MessageContext,
    begin: (session: ChatSession, origin: Origin) => Promise<Turn>,
  ) {
    // Before the lock: nobody learns from waiting that a session of others exists.
    await this.store.session(request.session_id, context.caller);
    yield* this.run(request, context, async (origin) => {
      const session = await this.store.session(request.session_id, context.caller);
      const unfinished = await this.store.unfinished(session);
      if (unfinished) await this.recovery.end(unfinished);
      return begin(session, origin);
    });
  }

  /** The handler lasts as long as the answer, even when its caller has left: so a replica that drains waits for it. */
  private async *run(
    request: TurnRequest,
    { caller, requestId, signal }: MessageContext,
    begin: (origin: Origin) => Promise<Turn>,
  ): AsyncGenerator<ChatTurnEvent, void> {
    const { session_id: sessionId, on_conflict: onConflict } = request;
    const functions = await this.functions.resolve(request.tools, request.tool_choice, caller);
    const lock = await this.locks.acquire(sessionId, { onConflict, waitMs: this.options.waitMs, signal });
    let turn: Turn;
    try {
      signal.throwIfAborted();
      turn = await begin({ caller, requestId, functions });
    } catch (error) {
      await lock.release();
      throw error;
    }
    const answered = this.answering.answer(turn, lock, caller, request);
    try {
      yield* this.following.follow({ ...turn, sessionId }, undefined, signal);
    } finally {
      await answered;
    }
  }
}
