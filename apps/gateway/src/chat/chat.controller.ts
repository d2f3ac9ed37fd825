import { Caller, ChatRequest, type ChatResponse } from '@tollgate/contracts';
import { Body, Controller, HttpCode, Post, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { setCacheHeader } from '../http/cache-header.js';
import { Answers, llmErrors } from '../http/openapi.js';
import { EventStream } from '../http/sse.js';
import { checkUserId, CurrentCaller } from '../identity/current-caller.js';
import { ChatService } from './chat.service.js';

@ApiTags('chat')
@ApiBearerAuth()
@Controller('api/v1/llm/chat')
export class ChatController {
  constructor(
    private readonly chat: ChatService,
    private readonly events: EventStream,
  ) {}

  @Post()
  @HttpCode(200)
  @ApiOperation({ summary: 'One answer of a conversation, whole' })
  @Answers({ json: 'ChatResponse', errors: llmErrors })
  answer(
    @Body({ schema: ChatRequest }) body: ChatRequest,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ChatResponse> {
    checkUserId(body.user_id, caller);
    return this.chat.answer(body, (cache) => setCacheHeader(reply, cache));
  }

  @Post('stream')
  @ApiOperation({ summary: 'One answer of a conversation, as the model writes it' })
  @Answers({ events: 'ChatEvent', errors: llmErrors })
  async stream(
    @Body({ schema: ChatRequest }) body: ChatRequest,
    @CurrentCaller() caller: Caller,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    checkUserId(body.user_id, caller);
    await this.events.send(
      reply,
      this.chat.stream(body, (cache) => setCacheHeader(reply, cache)),
    );
  }
}
