import { Database, Prisma, type ChatMessage } from '@tollgate/database';
import { Injectable } from '@nestjs/common';
import type { Remembered } from './prompt.js';
import { rememberedMessages } from './remembered-messages.js';

const PAGE = 50;
/** More would leave no room for the conversation. */
const PINNED_MAX = 50;

/** The messages of a session as the model sees them: without what was replaced, and without answers that never began. */
@Injectable()
export class ContextStore {
  constructor(private readonly database: Database) {}

  /** Read in pages, so that a reader who has enough reads no more. */
  async *newestFirst(sessionId: string, between: { after: number; before: number }): AsyncGenerator<Remembered, void> {
    let before = between.before;
    for (;;) {
      const page = await this.database.chatMessage.findMany({
        where: { sessionId, position: { gt: between.after, lt: before }, ...isPartOfConversation },
        orderBy: { position: 'desc' },
        take: PAGE,
      });
      for (const row of page) yield remembered(row);
      const last = page.at(-1);
      if (!last || page.length < PAGE) return;
      before = last.position;
    }
  }

  async *oldestFirst(sessionId: string, between: { after: number; before: number }): AsyncGenerator<Remembered, void> {
    let after = between.after;
    for (;;) {
      const page = await this.database.chatMessage.findMany({
        where: { sessionId, position: { gt: after, lt: between.before }, ...isPartOfConversation },
        orderBy: { position: 'asc' },
        take: PAGE,
      });
      for (const row of page) yield remembered(row);
      const last = page.at(-1);
      if (!last || page.length < PAGE) return;
      after = last.position;
    }
  }

  async pinned(sessionId: string, before: number): Promise<Remembered[]> {
    const rows = await this.database.chatMessage.findMany({
      where: { sessionId, pinned: true, position: { lt: before }, ...isPartOfConversation },
      orderBy: { position: 'asc' },
      take: PINNED_MAX,
    });
    return rows.map(remembered);
  }

  /** What a turn answers. Results of functions belong to the answer that called them, and are nothing without it. */
  async question(messageId: string): Promise<Remembered> {
    const row = await this.database.chatMessage.findFirstOrThrow({ where: { id: messageId } });
    if (row.sender !== 'tool') return remembered(row);
    const calling = await this.database.chatMessage.findFirstOrThrow({
      where: { sessionId: row.sessionId, position: { lt: row.position }, ...isPartOfConversation },
      orderBy: { position: 'desc' },
    });
    return { position: calling.position, messages: [...rememberedMessages(calling), ...rememberedMessages(row)] };
  }

  async saveSummary(sessionId: string, summary: string, summaryThrough: number): Promise<void> {
    await this.database.chatSession.updateMany({ where: { id: sessionId }, data: { summary, summaryThrough } });
  }
}

const isPartOfConversation: Prisma.ChatMessageWhereInput = {
  supersededBy: null,
  state: { not: 'running' },
  OR: [{ content: { not: '' } }, { sender: 'tool' }, { toolCalls: { not: Prisma.DbNull } }],
};

function remembered(row: ChatMessage): Remembered {
  return { position: row.position, messages: rememberedMessages(row) };
}
