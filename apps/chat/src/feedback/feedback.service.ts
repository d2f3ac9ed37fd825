import {
  chatNotFound,
  giveChatFeedback,
  listChatFeedback,
  type Caller,
  type ChatFeedbackPage,
  type ChatFeedbackSchema,
  type InputOf,
} from '@tollgate/contracts';
import { Database, type ChatFeedback, type Prisma } from '@tollgate/database';
import { Injectable } from '@nestjs/common';
import { decodeCursor, pageOf, TimeCursor } from '../sessions/pages.js';
import { ownedBy } from '../sessions/shapes.js';

/** What users think of answers: one opinion for each, the last one. */
@Injectable()
export class Feedback {
  constructor(private readonly database: Database) {}

  async give(input: InputOf<typeof giveChatFeedback>, caller: Caller): Promise<ChatFeedbackSchema> {
    const { session_id: sessionId, message_id: messageId } = input;
    const answer = await this.database.chatMessage.findFirst({
      where: { id: messageId, sessionId, sender: 'llm', session: ownedBy(caller) },
      select: { id: true },
    });
    if (!answer) throw chatNotFound();
    const { rating, correction = null, comment = null } = input.feedback;
    const opinion = { rating, correction, comment };
    const row = await this.database.chatFeedback.upsert({
      where: { messageId },
      create: { messageId, ...ownedBy(caller), ...opinion },
      update: opinion,
    });
    return shapeOf(row, sessionId);
  }

  async list(query: InputOf<typeof listChatFeedback>, caller: Caller): Promise<ChatFeedbackPage> {
    const { limit, cursor, rating, session_id: sessionId } = query;
    const rows = await this.database.chatFeedback.findMany({
      where: { ...ownedBy(caller), rating, message: { sessionId }, AND: cursor ? olderThan(cursor) : {} },
      include: { message: { select: { sessionId: true } } },
      orderBy: [{ updatedAt: 'desc' }, { messageId: 'desc' }],
      take: limit + 1,
    });
    return pageOf(rows, limit, {
      shape: ({ message, ...row }) => shapeOf(row, message.sessionId),
      cursor: ({ updatedAt, messageId }) => [updatedAt.toISOString(), messageId],
    });
  }
}

function olderThan(cursor: string): Prisma.ChatFeedbackWhereInput {
  const [updatedAt, messageId] = decodeCursor(TimeCursor, cursor);
  return { OR: [{ updatedAt: { lt: updatedAt } }, { updatedAt, messageId: { lt: messageId } }] };
}

function shapeOf({ messageId, rating, correction, comment, updatedAt }: ChatFeedback, sessionId: string) {
  return {
    session_id: sessionId,
    message_id: messageId,
    rating,
    correction,
    comment,
    updated_at: updatedAt.toISOString(),
  };
}
