import {
  AppError,
  chatNotFound,
  ToolCall,
  type Caller,
  type ChatGraph,
  type ErrorCode,
  type Usage,
} from '@tollgate/contracts';
import { Database, Prisma, type ChatMessage, type ChatSession } from '@tollgate/database';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { OfferedFunctions } from '../functions/function-offers.service.js';
import { ownedBy } from '../sessions/shapes.js';
import { answersAll, titleOf, turnRows, type Said, type TurnDraft, type TurnRows } from './turn-rows.js';

const Calls = z.array(ToolCall).min(1);

/** A turn that stands in Postgres and whose answer is to be written. */
export interface Turn {
  session: ChatSession;
  number: number;
  userMessageId: string;
  /** Of the answer. */
  messageId: string;
  /** Position of the answer. */
  position: number;
  requestId: string;
  functions: OfferedFunctions | undefined;
  /** The turn with which the session began: without an answer there is no session. */
  isFirst: boolean;
}

export interface Origin {
  caller: Caller;
  requestId: string;
  /** What the message offers the model to call. */
  functions?: OfferedFunctions;
}

export interface SessionSettings {
  title?: string;
  model?: string | null;
  system_prompt?: string;
  history?: ChatSession['history'];
  graph?: ChatGraph | null;
}

/** How an answer ended. */
export interface Ending {
  state: 'complete' | 'stopped' | 'failed';
  content: string;
  /** Valid ones, that it ends with. */
  toolCalls?: ToolCall[];
  model?: string;
  usage?: Usage;
  finishReason?: string;
  errorCode?: ErrorCode;
}

/**
 * The turns of a session in Postgres. The number of a turn is its fence: two who both believe to have the lock write the
 * same positions, and the second one's transaction is refused as a whole.
 */
@Injectable()
export class TurnStore {
  constructor(private readonly database: Database) {}

  /** A new session and its first turn. */
  async open(
    sessionId: string,
    settings: SessionSettings,
    content: string,
    { caller, requestId, functions }: Origin,
  ): Promise<Turn> {
    const { account_id: accountId, user_id: userId } = caller;
    const session: Prisma.ChatSessionUncheckedCreateInput = {
      id: sessionId,
      accountId,
      userId,
      title: settings.title ?? titleOf(content),
      model: settings.model,
      systemPrompt: settings.system_prompt,
      history: settings.history,
      graph: settings.graph ?? undefined,
      turn: 1,
    };
    const rows = turnRows({ sessionId, number: 1, said: { content }, requestId, functions });
    const [created] = await this.database.$transaction(
      async (tx) =>
        [await tx.chatSession.create({ data: session }), await tx.chatMessage.createMany({ data: rows.all })] as const,
    );
    return turnOf(created, rows, { requestId, functions, isFirst: true });
  }

  /** Results go on with the functions of the answer that called them, unless the message brings its own. */
  async append(session: ChatSession, said: Said, { requestId, functions }: Origin): Promise<Turn> {
    if ('content' in said) return this.write(session, { said, requestId, functions });
    const last = await this.database.chatMessage.findFirst({
      where: { sessionId: session.id, supersededBy: null },
      orderBy: { position: 'desc' },
    });
    const calls = Calls.safeParse(last?.toolCalls);
    if (!calls.success || !answersAll(said.toolResults, calls.data)) {
      const message = 'tool_results: must have one result for each call of the last answer, and no other';
      throw new AppError('invalid_request', message, { param: 'tool_results' });
    }
    return this.write(session, { said, requestId, functions: functions ?? offeredAgain(last?.functions) });
  }

  /** The messages from the edited one on are superseded. */
  async edit(
    session: ChatSession,
    messageId: string,
    content: string,
    { requestId, functions }: Origin,
  ): Promise<Turn> {
    const edited = await this.database.chatMessage.findFirst({
      where: { id: messageId, sessionId: session.id, supersededBy: null },
    });
    if (!edited) throw chatNotFound();
    if (edited.sender !== 'user') throw new AppError('invalid_request', 'Only a message of the user can be edited.');
    return this.write(session, { said: { content }, requestId, functions, supersedesFrom: edited.position });
  }

  /** The last answer is superseded. */
  async regenerate(session: ChatSession, { requestId, functions }: Origin): Promise<Turn> {
    const [last, question] = await this.database.chatMessage.findMany({
      where: { sessionId: session.id, supersededBy: null },
      orderBy: { position: 'desc' },
      take: 2,
    });
    if (last?.sender !== 'llm' || !question || question.sender === 'llm') {
      throw new AppError('invalid_request', 'The conversation does not end with an answer.');
    }
    return this.write(session, {
      userMessageId: question.id,
      requestId,
      functions: functions ?? OfferedFunctions.nullable().parse(last.functions) ?? undefined,
      supersedesFrom: last.position,
    });
  }

  async session(sessionId: string, caller: Caller): Promise<ChatSession> {
    const session = await this.database.chatSession.findFirst({ where: { id: sessionId, ...ownedBy(caller) } });
    if (!session) throw chatNotFound();
    return session;
  }

  /** An answer, and the message that it answers. */
  async answer(
    sessionId: string,
    messageId: string,
    caller: Caller,
  ): Promise<{ userMessageId: string; messageId: string }> {
    await this.session(sessionId, caller);
    const answer = await this.database.chatMessage.findFirst({ where: { id: messageId, sessionId, sender: 'llm' } });
    const question =
      answer &&
      (await this.database.chatMessage.findFirst({
        where: { sessionId, sender: { not: 'llm' }, position: { lt: answer.position } },
        orderBy: { position: 'desc' },
      }));
    if (!question) throw chatNotFound();
    return { userMessageId: question.id, messageId };
  }

  message(messageId: string): Promise<ChatMessage | null> {
    return this.database.chatMessage.findFirst({ where: { id: messageId } });
  }

  /** The answer of the session's last turn, if it never came to an end. */
  unfinished({ id, turn }: ChatSession): Promise<ChatMessage | null> {
    return this.database.chatMessage.findFirst({
      where: { sessionId: id, position: 2 * turn + 1, state: 'running' },
    });
  }

  /** In order of their ids; whether somebody is at work on them, Redis knows. */
  listRunning(startedBefore: Date, afterId: string, limit: number): Promise<ChatMessage[]> {
    return this.database.chatMessage.findMany({
      where: { state: 'running', createdAt: { lt: startedBefore }, id: { gt: afterId } },
      orderBy: { id: 'asc' },
      take: limit,
    });
  }

  async savePartial(messageId: string, content: string): Promise<void> {
    await this.database.chatMessage.updateMany({ where: { id: messageId, state: 'running' }, data: { content } });
  }

  /** False when it had been ended already, by whoever took its writer for dead. */
  async finish(messageId: string, { usage, ...ending }: Ending): Promise<boolean> {
    const { count } = await this.database.chatMessage.updateMany({
      where: { id: messageId, state: 'running' },
      data: { ...ending, ...(usage && { usage }) },
    });
    return count === 1;
  }

  /** As if it had never been: no answer began, and the client hears why. Nothing when the answer has been ended already. */
  async withdraw({ session: { id: sessionId }, messageId, userMessageId, number, isFirst }: Turn): Promise<void> {
    const answer = { id: messageId, state: 'running' } as const;
    if (isFirst) {
      await this.database.chatSession.deleteMany({ where: { id: sessionId, messages: { some: answer } } });
      return;
    }
    await this.database.$transaction(async ({ chatMessage }) => {
      if ((await chatMessage.deleteMany({ where: answer })).count === 0) return;
      await chatMessage.deleteMany({ where: { id: userMessageId, position: 2 * number } });
      await chatMessage.updateMany({ where: { sessionId, supersededBy: number }, data: { supersededBy: null } });
    });
  }

  private async write(
    session: ChatSession,
    turn: Pick<TurnDraft, 'said' | 'userMessageId' | 'requestId' | 'functions'> & { supersedesFrom?: number },
  ): Promise<Turn> {
    const number = session.turn + 1;
    const rows = turnRows({ sessionId: session.id, number, ...turn });
    const { supersedesFrom: from = Infinity } = turn;
    // A summary must not tell of what is replaced; what of it still holds is summed up anew.
    const isSummaryOutdated = session.summary !== '' && session.summaryThrough >= from;
    const changes = {
      turn: number,
      lastActive: new Date(),
      ...(isSummaryOutdated && { summary: '', summaryThrough: 0 }),
    };
    const superseded = { sessionId: session.id, supersededBy: null, position: { gte: turn.supersedesFrom } };
    try {
      await this.database.$transaction(async (tx) => {
        await tx.chatSession.update({ where: { id: session.id }, data: changes });
        if (turn.supersedesFrom !== undefined)
          await tx.chatMessage.updateMany({ where: superseded, data: { supersededBy: number } });
        await tx.chatMessage.createMany({ data: rows.all });
      });
      return turnOf({ ...session, ...changes }, rows, { ...turn, isFirst: false });
    } catch (error) {
      throw refusalOf(error);
    }
  }
}

function turnOf(
  session: ChatSession,
  { userMessageId, answer }: TurnRows,
  { requestId, functions, isFirst }: { requestId: string; functions?: OfferedFunctions; isFirst: boolean },
): Turn {
  const { id: messageId, position } = answer;
  return { session, number: session.turn, userMessageId, messageId, position, requestId, functions, isFirst };
}

/** A choice that made the model call holds once: it would call for ever. */
function offeredAgain(stored: unknown): OfferedFunctions | undefined {
  const offered = OfferedFunctions.nullable().parse(stored);
  return offered ? { tools: offered.tools } : undefined;
}

/** The fence held, or the session was deleted meanwhile. */
function refusalOf(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'P2002') {
    const message = 'Another message of this session was written first.';
    return new AppError('session_busy', message, { cause: error, retryAfterSeconds: 2 });
  }
  return code === 'P2003' || code === 'P2025' ? chatNotFound() : error;
}
