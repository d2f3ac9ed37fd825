import { Database, type ChatMessage } from '@tollgate/database';
import { Injectable } from '@nestjs/common';
import type { Remembered } from './prompt.js';

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

  async message(messageId: string): Promise<Remembered> {
    return remembered(await this.database.chatMessage.findFirstOrThrow({ where: { id: messageId } }));
  }

  async saveSummary(sessionId: string, summary: string, summaryThrough: number): Promise<void> {
    await this.database.chatSession.updateMany({ where: { id: sessionId }, data: { summary, summaryThrough } });
  }
}

const isPartOfConversation = { supersededBy: null, state: { not: 'running' }, content: { not: '' } } as const;

function remembered({ position, sender, content }: ChatMessage): Remembered {
  return { position, message: { role: sender === 'user' ? 'user' : 'assistant', content } };
}
