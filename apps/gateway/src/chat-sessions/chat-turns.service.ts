import {
  AppError,
  type ChatMessageSchema,
  type ChatTurnEvent,
  type SendChatMessageResponse,
  type StartChatResponse,
} from '@tollgate/contracts';
import { Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { EventStream } from '../http/sse.js';

interface TurnEnd {
  sessionId: string;
  userMessageId: string;
  answer: ChatMessageSchema;
}

/** A turn as its client wants it: event by event, or whole. */
@Injectable()
export class ChatTurns {
  constructor(private readonly events: EventStream) {}

  stream(reply: FastifyReply, events: AsyncIterable<ChatTurnEvent>): Promise<void> {
    return this.events.send(reply, events, ({ id }) => id);
  }

  async start(reply: FastifyReply, events: AsyncIterable<ChatTurnEvent>, isStreamed: boolean): Promise<void> {
    if (isStreamed) return this.stream(reply, events);
    const { sessionId: session_id, userMessageId: user_message_id, answer } = await endOf(events);
    const started: StartChatResponse = { session_id, message: answer.content, user_message_id, answer };
    await reply.send(started);
  }

  async answer(reply: FastifyReply, events: AsyncIterable<ChatTurnEvent>, isStreamed: boolean): Promise<void> {
    if (isStreamed) return this.stream(reply, events);
    const { sessionId: updated_session, userMessageId: user_message_id, answer } = await endOf(events);
    const answered: SendChatMessageResponse = {
      response_message: answer.content,
      updated_session,
      user_message_id,
      answer,
    };
    await reply.send(answered);
  }
}

async function endOf(events: AsyncIterable<ChatTurnEvent>): Promise<TurnEnd> {
  let userMessageId: string | undefined;
  for await (const event of events) {
    if (event.type === 'start') userMessageId = event.user_message_id;
    if (event.type === 'end' && userMessageId) {
      return { sessionId: event.message.session_id, userMessageId, answer: event.message };
    }
  }
  throw new AppError('reply_lost', 'The answer ended early.');
}
