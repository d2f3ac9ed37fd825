import {
  Caller,
  ChatMessagePage,
  ChatMessageSchema,
  ChatSearchPage,
  ChatSessionPage,
  ChatSessionSchema,
  DeleteChatResponse,
  deleteSession,
  ForkChatRequest,
  forkSession,
  getSession,
  listMessages,
  listSessions,
  searchMessages,
  UpdateChatMessageRequest,
  UpdateChatSessionRequest,
  updateMessage,
  updateSession,
} from '@tollgate/contracts';
import { Messages } from '@tollgate/messaging';
import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Answers, bodyErrors, serverErrors, tokenErrors } from '../http/openapi.js';
import { KeyedRequests } from '../idempotency/keyed-requests.js';
import { CurrentCaller } from '../identity/current-caller.js';
import { CostsNothing } from '../limits/route-kind.js';
import { ExistingId } from './existing-id.pipe.js';
import { ExportQuery, MessagesQuery, SearchQuery, SessionsQuery } from './queries.js';
import { Transcripts } from './transcripts.service.js';

const readErrors = [...tokenErrors, 'invalid_request', 'not_found', ...serverErrors] as const;
const writeErrors = [...tokenErrors, ...bodyErrors, 'not_found', 'session_busy', ...serverErrors] as const;

@ApiTags('chat sessions')
@ApiBearerAuth()
@Controller()
export class ChatSessionsController {
  constructor(
    private readonly messages: Messages,
    private readonly transcripts: Transcripts,
    private readonly keyedRequests: KeyedRequests,
  ) {}

  @Get('api/v1/chat/sessions')
  @ApiOperation({ summary: 'My chat sessions, those last active first' })
  @Answers({ json: 'ChatSessionPage', errors: [...readErrors] })
  list(@Query({ schema: SessionsQuery }) query: SessionsQuery): Promise<ChatSessionPage> {
    return this.messages.send(listSessions, query);
  }

  @Get('llm/chat/sessions')
  @ApiOperation({
    summary: 'My chat sessions as a plain list, those last active first; the header Link has the next page',
  })
  @Answers({ json: 'ChatSessionsResponse', errors: [...readErrors] })
  async listPlain(
    @Query({ schema: SessionsQuery }) query: SessionsQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ChatSessionSchema[]> {
    const { data, next_cursor: cursor } = await this.messages.send(listSessions, query);
    if (cursor !== null) {
      const next = new URLSearchParams({ ...query, limit: String(query.limit), cursor });
      reply.header('link', `</llm/chat/sessions?${next.toString()}>; rel="next"`);
    }
    return data;
  }

  @Get('api/v1/chat/sessions/search')
  @ApiOperation({ summary: 'Search the messages of my chat sessions' })
  @Answers({ json: 'ChatSearchPage', errors: [...readErrors] })
  search(@Query({ schema: SearchQuery }) { q, ...page }: SearchQuery): Promise<ChatSearchPage> {
    return this.messages.send(searchMessages, { ...page, query: q });
  }

  @Get('api/v1/chat/sessions/:session_id')
  @ApiOperation({ summary: 'One chat session' })
  @Answers({ json: 'ChatSessionSchema', errors: [...readErrors] })
  get(@Param('session_id', ExistingId) session_id: string): Promise<ChatSessionSchema> {
    return this.messages.send(getSession, { session_id });
  }

  @Patch('api/v1/chat/sessions/:session_id')
  @ApiOperation({ summary: 'Rename a chat session, or change its model, system prompt or history' })
  @Answers({ json: 'ChatSessionSchema', errors: [...writeErrors] })
  update(
    @Param('session_id', ExistingId) session_id: string,
    @Body({ schema: UpdateChatSessionRequest }) changes: UpdateChatSessionRequest,
  ): Promise<ChatSessionSchema> {
    return this.messages.send(updateSession, { session_id, changes });
  }

  @Delete(['api/v1/chat/sessions/:session_id', 'llm/chat/:session_id'])
  @ApiOperation({ summary: 'End a chat session and delete all of its text' })
  @Answers({ json: 'DeleteChatResponse', errors: [...writeErrors] })
  async delete(
    @Param('session_id', ExistingId) session_id: string,
    @CurrentCaller() caller: Caller,
  ): Promise<DeleteChatResponse> {
    const deleted = await this.messages.send(deleteSession, { session_id });
    await this.keyedRequests.forgetChatSession(session_id, caller.account_id);
    return deleted;
  }

  @Get('api/v1/chat/sessions/:session_id/messages')
  @ApiOperation({ summary: 'The messages of a chat session, page by page from either end' })
  @Answers({ json: 'ChatMessagePage', errors: [...readErrors] })
  listMessages(
    @Param('session_id', ExistingId) session_id: string,
    @Query({ schema: MessagesQuery }) query: MessagesQuery,
  ): Promise<ChatMessagePage> {
    return this.messages.send(listMessages, { ...query, session_id });
  }

  @Get('llm/chat/:session_id/history')
  @ApiOperation({ summary: 'All messages of a chat session as a plain list' })
  @Answers({ json: 'ChatHistoryResponse', errors: [...readErrors] })
  async history(@Param('session_id', ExistingId) session_id: string, @Res() reply: FastifyReply): Promise<void> {
    await this.messages.send(getSession, { session_id });
    await reply.type('application/json; charset=utf-8').send(this.transcripts.list(session_id));
  }

  @Get('api/v1/chat/sessions/:session_id/export')
  @ApiOperation({ summary: 'A chat session with all of its messages, as JSON or Markdown' })
  @Answers({ json: 'ChatExport', text: { 'text/markdown': '# Tokenizer pipeline\n' }, errors: [...readErrors] })
  async export(
    @Param('session_id', ExistingId) session_id: string,
    @Query({ schema: ExportQuery }) query: ExportQuery,
    @Headers('accept') accept: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const session = await this.messages.send(getSession, { session_id });
    const format = query.format ?? (accept?.includes('text/markdown') ? 'markdown' : 'json');
    const isJson = format === 'json';
    const type = isJson ? 'application/json' : 'text/markdown';
    reply.header('content-disposition', `attachment; filename="chat-${session_id}.${isJson ? 'json' : 'md'}"`);
    await reply.type(`${type}; charset=utf-8`).send(this.transcripts[format](session));
  }

  @Patch('api/v1/chat/sessions/:session_id/messages/:message_id')
  @ApiOperation({ summary: 'Pin a message, so that it stays in the prompt' })
  @Answers({ json: 'ChatMessageSchema', errors: [...writeErrors] })
  updateMessage(
    @Param('session_id', ExistingId) session_id: string,
    @Param('message_id', ExistingId) message_id: string,
    @Body({ schema: UpdateChatMessageRequest }) changes: UpdateChatMessageRequest,
  ): Promise<ChatMessageSchema> {
    return this.messages.send(updateMessage, { session_id, message_id, changes });
  }

  @CostsNothing()
  @Post('api/v1/chat/sessions/:session_id/messages/:message_id/fork')
  @HttpCode(201)
  @ApiOperation({ summary: 'A new chat session with the conversation up to a message' })
  @Answers({ status: 201, json: 'ChatSessionSchema', errors: [...writeErrors] })
  fork(
    @Param('session_id', ExistingId) session_id: string,
    @Param('message_id', ExistingId) message_id: string,
    @Body({ schema: ForkChatRequest }) { title }: ForkChatRequest,
  ): Promise<ChatSessionSchema> {
    return this.messages.send(forkSession, { session_id, message_id, title });
  }
}
