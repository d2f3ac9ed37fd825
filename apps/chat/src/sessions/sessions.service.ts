import {
  AppError,
  chatNotFound,
  type Caller,
  type ChatGraph,
  type ChatSessionPage,
  type ChatSessionSchema,
  type InputOf,
  listSessions,
  selectModel,
  type UpdateChatSessionRequest,
} from '@tollgate/contracts';
import { Database, Prisma, type ChatSession } from '@tollgate/database';
import { Messages } from '@tollgate/messaging';
import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { AnswerEvents } from '../coordination/answer-events.js';
import { SessionLocks } from '../coordination/session-locks.js';
import { decodeCursor, pageOf, TimeCursor } from './pages.js';
import { ownedBy, sessionShape } from './shapes.js';

/** Enough for an answer to hear that it is to stop, and for the lease of an owner that died. */
const DELETE_WAIT_MS = 10_000;

/** Chat sessions as objects: everything but their turns. */
@Injectable()
export class Sessions {
  constructor(
    private readonly database: Database,
    private readonly locks: SessionLocks,
    private readonly events: AnswerEvents,
    private readonly messages: Messages,
  ) {}

  async get(sessionId: string, caller: Caller): Promise<ChatSessionSchema> {
    return sessionShape(await this.find(sessionId, caller));
  }

  async list(query: InputOf<typeof listSessions>, caller: Caller): Promise<ChatSessionPage> {
    const { limit, cursor, title, active_since: activeSince } = query;
    const rows = await this.database.chatSession.findMany({
      where: {
        ...ownedBy(caller),
        ...(title && { title: { contains: title, mode: 'insensitive' } }),
        AND: [activeSince ? { lastActive: { gte: activeSince } } : {}, cursor ? olderThan(cursor) : {}],
      },
      orderBy: [{ lastActive: 'desc' }, { id: 'desc' }],
      take: limit + 1,
    });
    return pageOf(rows, limit, {
      shape: sessionShape,
      cursor: ({ lastActive, id }) => [lastActive.toISOString(), id],
    });
  }

  async update(sessionId: string, changes: UpdateChatSessionRequest, caller: Caller): Promise<ChatSessionSchema> {
    const { title, model, system_prompt: systemPrompt, history } = changes;
    await this.find(sessionId, caller);
    if (model) await this.refuseUnusable(model);
    const { count } = await this.database.chatSession.updateMany({
      where: { id: sessionId, ...ownedBy(caller) },
      data: { title, model, systemPrompt, history },
    });
    if (count === 0) throw chatNotFound();
    return this.get(sessionId, caller);
  }

  /** Raises `model_not_found` or `model_not_allowed`; one that is only away now may be back at the next turn. */
  private async refuseUnusable(model: string): Promise<void> {
    try {
      await this.messages.send(selectModel, { model });
    } catch (error) {
      if (AppError.fromUnknown(error).code !== 'no_model_available') throw error;
    }
  }

  async setGraph(sessionId: string, graph: ChatGraph | null, caller: Caller) {
    const { count } = await this.database.chatSession.updateMany({
      where: { id: sessionId, ...ownedBy(caller) },
      data: { graph: graph ?? Prisma.DbNull },
    });
    if (count === 0) throw chatNotFound();
    return { session_id: sessionId, graph };
  }

  /** The conversation up to and with a message, in a session of its own: both go on apart. */
  async fork(sessionId: string, messageId: string, title: string | undefined, caller: Caller) {
    const source = await this.find(sessionId, caller);
    const last = await this.database.chatMessage.findFirst({ where: { id: messageId, sessionId, supersededBy: null } });
    if (!last) throw chatNotFound();
    if (last.state === 'running') throw new AppError('session_busy', 'This answer is still being written.');
    const { id: _, createdAt: __, lastActive: ___, graph, ...settings } = source;
    const isSummaryKept = source.summaryThrough <= last.position;
    const forked = {
      ...settings,
      ...(graph !== null && { graph }),
      id: uuidv7(),
      title: title ?? source.title,
      turn: Math.floor(last.position / 2),
      forkedFrom: source.id,
      ...(!isSummaryKept && { summary: '', summaryThrough: 0 }),
    };
    const [session] = await this.database.$transaction(
      async (tx) =>
        [
          await tx.chatSession.create({ data: forked }),
          await tx.$executeRaw(copyOf(sessionId, forked.id, last.position)),
        ] as const,
    );
    return sessionShape(session);
  }

  /**
   * Under the lock, so that nobody writes any more. The ledger keeps what was used, in numbers; no text is left in Postgres or
   * Redis.
   */
  async delete(sessionId: string, caller: Caller): Promise<{ session_id: string; message: string }> {
    const session = await this.find(sessionId, caller);
    const running = await this.database.chatMessage.findMany({ where: { sessionId, state: 'running' } });
    for (const { id: messageId } of running) await this.events.requestStop({ sessionId, messageId });
    const lock = await this.locks.acquire(sessionId, { onConflict: 'wait', waitMs: DELETE_WAIT_MS });
    try {
      const answers = await this.database.chatMessage.findMany({
        where: { sessionId, sender: 'llm', createdAt: { gt: this.events.oldestKept() } },
        select: { id: true },
      });
      for (const { id: messageId } of answers) await this.events.erase({ sessionId, messageId });
      await this.database.chatSession.deleteMany({ where: { id: session.id } });
    } finally {
      await lock.release();
    }
    return { session_id: sessionId, message: 'The conversation has ended and was deleted.' };
  }

  async find(sessionId: string, caller: Caller): Promise<ChatSession> {
    const session = await this.database.chatSession.findFirst({ where: { id: sessionId, ...ownedBy(caller) } });
    if (!session) throw chatNotFound();
    return session;
  }
}

function olderThan(cursor: string): Prisma.ChatSessionWhereInput {
  const [lastActive, id] = decodeCursor(TimeCursor, cursor);
  return { OR: [{ lastActive: { lt: lastActive } }, { lastActive, id: { lt: id } }] };
}

function copyOf(from: string, to: string, throughPosition: number): Prisma.Sql {
  return Prisma.sql`
    INSERT INTO chat_message (id, session_id, position, sender, content, state, pinned, model, finish_reason, error_code,
      usage, functions, tool_calls, tool_results, request_id, created_at)
    SELECT gen_random_uuid(), ${to}::uuid, position, sender, content, state, pinned, model, finish_reason, error_code,
      usage, functions, tool_calls, tool_results, request_id, created_at
    FROM chat_message
    WHERE session_id = ${from}::uuid AND position <= ${throughPosition} AND superseded_by IS NULL AND state <> 'running'`;
}
