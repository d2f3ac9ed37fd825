import {
  chatNotFound,
  listMessages,
  searchMessages,
  type Caller,
  type ChatMessagePage,
  type ChatMessageSchema,
  type ChatSearchPage,
  type InputOf,
  type UpdateChatMessageRequest,
} from '@tollgate/contracts';
import { asService, Database, Prisma, type ChatMessage } from '@tollgate/database';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { decodeCursor, pageOf, TimeCursor } from './pages.js';
import { Sessions } from './sessions.service.js';
import { messageShape, ownedBy, senderShape } from './shapes.js';

/** Of the texts of a page: well below what one message between services may carry. */
const PAGE_CHARACTERS_MAX = 500_000;

/** A position, which Postgres keeps in four bytes. */
const MessageCursor = z.tuple([z.int32()]);

interface Hit {
  session_id: string;
  title: string;
  message_id: string;
  sender: ChatMessage['sender'];
  created_at: Date;
  snippet: string;
}

/** The messages of sessions: pages from either end, pins, search. */
@Injectable()
export class SessionMessages {
  constructor(
    private readonly database: Database,
    private readonly sessions: Sessions,
  ) {}

  async list(query: InputOf<typeof listMessages>, caller: Caller): Promise<ChatMessagePage> {
    const { session_id: sessionId, limit, cursor, order, include_superseded: all } = query;
    await this.sessions.find(sessionId, caller);
    const [position] = cursor ? decodeCursor(MessageCursor, cursor) : [undefined];
    const rows = await this.database.chatMessage.findMany({
      where: {
        sessionId,
        position: order === 'asc' ? { gt: position } : { lt: position },
        ...(!all && { supersededBy: null }),
      },
      orderBy: { position: order },
      take: limit + 1,
    });
    const { length } = thatFit(rows.slice(0, limit));
    return pageOf(rows, length, { shape: messageShape, cursor: ({ position: last }) => [last] });
  }

  async update(
    sessionId: string,
    messageId: string,
    { pinned }: UpdateChatMessageRequest,
    caller: Caller,
  ): Promise<ChatMessageSchema> {
    await this.sessions.find(sessionId, caller);
    const where = { id: messageId, sessionId };
    const { count } = await this.database.chatMessage.updateMany({ where, data: { pinned } });
    const message = count === 1 && (await this.database.chatMessage.findFirst({ where }));
    if (!message) throw chatNotFound();
    return messageShape(message);
  }

  /**
   * The condition on the text is that of the index, word for word. As the service: Postgres applies row policies before a
   * condition on text, and could not use the index; the statement names account and user itself.
   */
  async search({ query, limit, cursor }: InputOf<typeof searchMessages>, caller: Caller): Promise<ChatSearchPage> {
    const { accountId, userId } = ownedBy(caller);
    const before = cursor ? olderThan(cursor) : Prisma.empty;
    const found = this.database.$queryRaw<Hit[]>`
      SELECT s.id AS session_id, s.title, m.id AS message_id, m.sender::text AS sender, m.created_at,
        ts_headline('simple', left(m.content, 100000), websearch_to_tsquery('simple', ${query}),
          'StartSel=**, StopSel=**, MaxWords=30, MinWords=10') AS snippet
      FROM chat_message m JOIN chat_session s ON s.id = m.session_id
      WHERE to_tsvector('simple', left(m.content, 100000)) @@ websearch_to_tsquery('simple', ${query})
        AND m.state <> 'running' AND m.superseded_by IS NULL
        AND s.account_id = ${accountId}::uuid AND s.user_id = ${userId}::uuid ${before}
      ORDER BY m.created_at DESC, m.id DESC
      LIMIT ${limit + 1}`;
    const hits = await asService(() => found);
    return pageOf(hits, limit, {
      shape: ({ sender, created_at, ...hit }) => ({
        ...hit,
        sender: senderShape(sender),
        timestamp: created_at.toISOString(),
      }),
      cursor: ({ created_at, message_id }) => [created_at.toISOString(), message_id],
    });
  }
}

/** One at least. */
function thatFit(messages: ChatMessage[]): ChatMessage[] {
  let characters = 0;
  const tooMany = messages.findIndex(({ content }) => (characters += content.length) > PAGE_CHARACTERS_MAX);
  return tooMany === -1 ? messages : messages.slice(0, Math.max(1, tooMany));
}

function olderThan(cursor: string): Prisma.Sql {
  const [createdAt, id] = decodeCursor(TimeCursor, cursor);
  return Prisma.sql`AND (m.created_at, m.id) < (${createdAt}::timestamptz, ${id}::uuid)`;
}
