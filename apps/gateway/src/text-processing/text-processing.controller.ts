import { Caller, processText, ProcessTextRequest, streamProcessText } from '@tollgate/contracts';
import { Messages } from '@tollgate/messaging';
import { Body, Controller, HttpCode, Post, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Answers, llmErrors } from '../http/openapi.js';
import { EventStream } from '../http/sse.js';
import { checkUserId, CurrentCaller } from '../identity/current-caller.js';

@ApiTags('text processing')
@ApiBearerAuth()
@Controller()
export class TextProcessingController {
  constructor(
    private readonly messages: Messages,
    private readonly events: EventStream,
  ) {}

  @Post(['api/v1/process-text', 'process-text'])
  @HttpCode(200)
  @ApiOperation({ summary: 'Summarise, translate, rephrase a text, or remove its repetitions; whole or as a stream' })
  @Answers({ json: 'ProcessTextResponse', events: 'ProcessTextPart', errors: llmErrors })
  async process(
    @Body({ schema: ProcessTextRequest }) body: ProcessTextRequest,
    @CurrentCaller() caller: Caller,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    checkUserId(body.user_id, caller);
    if (body.stream) await this.events.send(reply, this.messages.stream(streamProcessText, body));
    else await reply.send(await this.messages.send(processText, body));
  }
}
