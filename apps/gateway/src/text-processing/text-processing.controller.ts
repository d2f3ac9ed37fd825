import {
  Caller,
  deleteTextSession,
  extendTextSession,
  FeedbackRequest,
  getLogStats,
  getTextSession,
  processText,
  ProcessTextRequest,
  refineText,
  regenerateText,
  streamProcessText,
  streamRefineText,
  streamRegenerateText,
  TextSessionExtension,
  type LogStats,
  type TextSessionDeleted,
  type TextSessionExtended,
  type TextSessionStatus,
} from '@tollgate/contracts';
import { Messages } from '@tollgate/messaging';
import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Answers, llmErrors, serviceErrors } from '../http/openapi.js';
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
  @Answers({ json: 'ProcessTextResponse', events: 'TextPart', errors: llmErrors })
  async process(
    @Body({ schema: ProcessTextRequest }) body: ProcessTextRequest,
    @CurrentCaller() caller: Caller,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    checkUserId(body.user_id, caller);
    if (body.stream) await this.events.send(reply, this.messages.stream(streamProcessText, body));
    else await reply.send(await this.messages.send(processText, body));
  }

  @Post(['api/v1/refine/:request_id', 'refine/:request_id'])
  @HttpCode(200)
  @ApiOperation({ summary: 'Change the current result of a text as its user asks' })
  @Answers({ json: 'RefineResponse', events: 'TextPart', errors: ['not_found', ...llmErrors] })
  async refine(
    @Param('request_id') request_id: string,
    @Body({ schema: FeedbackRequest }) body: FeedbackRequest,
    @CurrentCaller() caller: Caller,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    checkUserId(body.user_id, caller);
    const feedback = { request_id, user_feedback: body.user_feedback };
    if (body.stream) await this.events.send(reply, this.messages.stream(streamRefineText, feedback));
    else await reply.send(await this.messages.send(refineText, feedback));
  }

  @Post(['api/v1/regenerate/:request_id', 'regenerate/:request_id'])
  @HttpCode(200)
  @ApiOperation({ summary: 'Run the task over the original text again, with instructions of its user' })
  @Answers({ json: 'RegenerateResponse', events: 'TextPart', errors: ['not_found', ...llmErrors] })
  async regenerate(
    @Param('request_id') request_id: string,
    @Body({ schema: FeedbackRequest }) body: FeedbackRequest,
    @CurrentCaller() caller: Caller,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    checkUserId(body.user_id, caller);
    const feedback = { request_id, user_feedback: body.user_feedback };
    if (body.stream) await this.events.send(reply, this.messages.stream(streamRegenerateText, feedback));
    else await reply.send(await this.messages.send(regenerateText, feedback));
  }

  @Get(['api/v1/refine/:request_id', 'refine/:request_id'])
  @ApiOperation({ summary: 'The current result of a text, and how long it can still be refined' })
  @Answers({ json: 'TextSessionStatus', errors: ['not_found', ...serviceErrors] })
  get(@Param('request_id') request_id: string): Promise<TextSessionStatus> {
    return this.messages.send(getTextSession, { request_id });
  }

  @Delete(['api/v1/refine/:request_id', 'refine/:request_id'])
  @ApiOperation({ summary: 'Forget a text' })
  @Answers({ json: 'TextSessionDeleted', errors: ['not_found', ...serviceErrors] })
  delete(@Param('request_id') request_id: string): Promise<TextSessionDeleted> {
    return this.messages.send(deleteTextSession, { request_id });
  }

  @Post(['api/v1/refine/:request_id/extend', 'refine/:request_id/extend'])
  @HttpCode(200)
  @ApiOperation({ summary: 'Keep a text for longer: adds to the time that is left' })
  @Answers({ json: 'TextSessionExtended', errors: ['not_found', 'invalid_request', ...serviceErrors] })
  extend(
    @Param('request_id') request_id: string,
    @Query({ schema: TextSessionExtension }) { ttl_seconds }: TextSessionExtension,
  ): Promise<TextSessionExtended> {
    return this.messages.send(extendTextSession, { request_id, ttl_seconds });
  }

  @Get(['api/v1/logs/stats', 'logs/stats'])
  @ApiOperation({ summary: 'Sizes of the log files of the text-processing replica that answers' })
  @Answers({ json: 'LogStats', errors: serviceErrors })
  logStats(): Promise<LogStats> {
    return this.messages.send(getLogStats, {});
  }
}
