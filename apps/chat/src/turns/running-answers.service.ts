import { AppError, type Caller, type ChatMessageSchema, type ChatTurnEvent } from '@tollgate/contracts';
import type { MessageContext } from '@tollgate/messaging';
import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { AnswerEvents } from '../coordination/answer-events.js';
import { messageShape } from '../sessions/shapes.js';
import { Following } from './following.service.js';
import { TurnStore } from './turn-store.js';

/** More than the turn needs to hear of the stop and to store what it has. */
const STOP_TIMEOUT_MS = 5_000;
const STOP_POLL_MS = 50;

/** Readers of an answer that somebody else asked for, or lost on the way. */
@Injectable()
export class RunningAnswers {
  constructor(
    private readonly store: TurnStore,
    private readonly following: Following,
    private readonly events: AnswerEvents,
  ) {}

  async *follow(
    sessionId: string,
    messageId: string,
    after: number | undefined,
    { caller, signal }: MessageContext,
  ): AsyncGenerator<ChatTurnEvent, void> {
    const answer = await this.store.answer(sessionId, messageId, caller);
    yield* this.following.follow({ sessionId, ...answer }, after, signal);
  }

  async stop(sessionId: string, messageId: string, caller: Caller): Promise<ChatMessageSchema> {
    await this.store.answer(sessionId, messageId, caller);
    await this.events.requestStop({ sessionId, messageId });
    const giveUpAt = Date.now() + STOP_TIMEOUT_MS;
    for (;;) {
      const message = await this.store.message(messageId);
      if (message && message.state !== 'running') return messageShape(message);
      if (Date.now() > giveUpAt) throw new AppError('deadline_exceeded', 'The answer did not stop in time.');
      await sleep(STOP_POLL_MS);
    }
  }
}
