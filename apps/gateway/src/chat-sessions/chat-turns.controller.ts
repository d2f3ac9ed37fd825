import {
  Caller,
  ChatMessageSchema,
  EditChatMessageRequest,
  editMessage,
  followAnswer,
  invalidRequest,
  regenerateAnswer,
  RegenerateChatRequest,
  SendChatMessageRequest,
  sendMessage,
  startChat,
  StartChatRequest,
  stopAnswer,
} from '@tollgate/contracts';
import { Messages } from '@tollgate/messaging';
import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Answers, bodyErrors, llmErrors, serverErrors, tokenErrors } from '../http/openapi.js';
import { checkUserId, CurrentCaller } from '../identity/current-caller.js';
import { CostsNothing } from '../limits/route-kind.js';
import { ChatTurns } from './chat-turns.service.js';
import { ExistingId } from './existing-id.pipe.js';
import { ResumeQuery } from './queries.js';

const turnErrors = [...llmErrors, 'not_found', 'session_busy'] as const;

@ApiTags('chat sessions')
@ApiBearerAuth()
@Controller()
export class ChatTurnsController {
  constructor(
    private readonly messages: Messages,
    private readonly turns: ChatTurns,
  ) {}

  @Post(['api/v1/chat/sessions', 'llm/chat'])
  @HttpCode(200)
  @ApiOperation({ summary: 'Start a chat session with its first message; the answer whole or as a stream' })
  @Answers({ json: 'StartChatResponse', events: 'ChatTurnEvent', errors: [...llmErrors] })
  async start(
    @Body({ schema: StartChatRequest }) { user_id, stream, ...body }: StartChatRequest,
    @CurrentCaller() caller: Caller,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    checkUserId(user_id, caller);
    const events = this.messages.stream(startChat, body);
    await this.turns.start(reply, events, stream);
  }

  @Post(['api/v1/chat/sessions/:session_id/messages', 'llm/chat/:session_id/message'])
  @HttpCode(200)
  @ApiOperation({ summary: 'Send a message; the answer whole or as a stream' })
  @Answers({ json: 'SendChatMessageResponse', events: 'ChatTurnEvent', errors: [...turnErrors] })
  async send(
    @Param('session_id', ExistingId) session_id: string,
    @Body({ schema: SendChatMessageRequest }) { stream, ...body }: SendChatMessageRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const events = this.messages.stream(sendMessage, { ...body, session_id });
    await this.turns.answer(reply, events, stream);
  }

  @Post('api/v1/chat/sessions/:session_id/messages/:message_id/edit')
  @HttpCode(200)
  @ApiOperation({ summary: 'Replace a message of the user and everything after it, and answer it anew' })
  @Answers({ json: 'SendChatMessageResponse', events: 'ChatTurnEvent', errors: [...turnErrors] })
  async edit(
    @Param('session_id', ExistingId) session_id: string,
    @Param('message_id', ExistingId) message_id: string,
    @Body({ schema: EditChatMessageRequest }) { stream, ...body }: EditChatMessageRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const events = this.messages.stream(editMessage, { ...body, session_id, message_id });
    await this.turns.answer(reply, events, stream);
  }

  @Post('api/v1/chat/sessions/:session_id/regenerate')
  @HttpCode(200)
  @ApiOperation({ summary: 'A new answer in place of the last one' })
  @Answers({ json: 'SendChatMessageResponse', events: 'ChatTurnEvent', errors: [...turnErrors] })
  async regenerate(
    @Param('session_id', ExistingId) session_id: string,
    @Body({ schema: RegenerateChatRequest }) { stream, ...body }: RegenerateChatRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const events = this.messages.stream(regenerateAnswer, { ...body, session_id });
    await this.turns.answer(reply, events, stream);
  }

  @Get('api/v1/chat/sessions/:session_id/messages/:message_id/stream')
  @ApiHeader({ name: 'Last-Event-ID', required: false, description: 'Id of the last event that arrived' })
  @ApiOperation({ summary: 'An answer again or its rest, while it is written and after' })
  @Answers({ events: 'ChatTurnEvent', errors: [...tokenErrors, 'invalid_request', 'not_found', ...serverErrors] })
  async resume(
    @Param('session_id', ExistingId) session_id: string,
    @Param('message_id', ExistingId) message_id: string,
    @Query({ schema: ResumeQuery }) query: ResumeQuery,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const after = lastEventId === undefined ? query.after : eventIdOf(lastEventId);
    await this.turns.stream(reply, this.messages.stream(followAnswer, { session_id, message_id, after }));
  }

  @CostsNothing()
  @Post('api/v1/chat/sessions/:session_id/messages/:message_id/stop')
  @HttpCode(200)
  @ApiOperation({ summary: 'Stop an answer; what was written of it is kept' })
  @Answers({ json: 'ChatMessageSchema', errors: [...tokenErrors, 'not_found', ...bodyErrors, ...serverErrors] })
  stop(
    @Param('session_id', ExistingId) session_id: string,
    @Param('message_id', ExistingId) message_id: string,
  ): Promise<ChatMessageSchema> {
    return this.messages.send(stopAnswer, { session_id, message_id });
  }
}

function eventIdOf(header: string): number {
  const parsed = ResumeQuery.shape.after.safeParse(header);
  if (parsed.success && parsed.data !== undefined) return parsed.data;
  throw invalidRequest([{ message: 'is not the id of an event', path: ['Last-Event-ID'] }], 'header');
}
