import {
  AppError,
  complete,
  listModels,
  OpenAiChatRequest,
  OpenAiModel,
  OpenAiModelList,
  streamCompletion,
  type ListedModel,
  type OpenAiChunk,
} from '@tollgate/contracts';
import { Messages } from '@tollgate/messaging';
import { Body, Controller, Get, HttpCode, Param, Post, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { setCacheHeader } from '../http/cache-header.js';
import { Answers, llmErrors, serviceErrors } from '../http/openapi.js';
import { EventStream } from '../http/sse.js';
import { ChunkWriter, toChatCompletion } from './completion-answer.js';
import { completionRequestOf } from './completion-request.js';

const ModelId = z.object({ id: z.string().min(1).max(128) });
type ModelId = z.infer<typeof ModelId>;

/** For OpenAI's own clients and everything that speaks like them. */
@ApiTags('openai')
@ApiBearerAuth()
@Controller('v1')
export class OpenAiController {
  constructor(
    private readonly messages: Messages,
    private readonly events: EventStream,
  ) {}

  @Post('chat/completions')
  @HttpCode(200)
  @ApiOperation({ summary: 'A chat completion, with tools and response formats; whole or as a stream' })
  @Answers({ json: 'OpenAiChatCompletion', events: 'OpenAiChunk', errors: llmErrors })
  async createChatCompletion(
    @Body({ schema: OpenAiChatRequest }) body: OpenAiChatRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const identity = { id: `chatcmpl-${reply.request.id}`, created: Math.floor(Date.now() / 1_000) };
    if (body.stream) {
      const chunks = new ChunkWriter(identity, body.stream_options?.include_usage ?? false);
      return this.events.send(reply, this.chunks(body, chunks, reply));
    }
    const completion = await this.messages.send(complete, completionRequestOf(body));
    setCacheHeader(reply, completion.cache);
    await reply.send(toChatCompletion(completion, identity));
  }

  @Get('models')
  @ApiOperation({ summary: 'The models of the tier' })
  @Answers({ json: 'OpenAiModelList', errors: serviceErrors })
  async listModels(): Promise<OpenAiModelList> {
    return { object: 'list', data: (await this.allowedModels()).map(toOpenAiModel) };
  }

  @Get('models/:id')
  @ApiOperation({ summary: 'One model of the tier' })
  @Answers({ json: 'OpenAiModel', errors: ['model_not_found', ...serviceErrors] })
  async getModel(@Param({ schema: ModelId }) { id }: ModelId): Promise<OpenAiModel> {
    const model = (await this.allowedModels()).find((allowed) => allowed.id === id);
    if (!model) throw new AppError('model_not_found', `The model "${id}" does not exist.`, { param: 'model' });
    return toOpenAiModel(model);
  }

  private async *chunks(
    body: OpenAiChatRequest,
    writer: ChunkWriter,
    reply: FastifyReply,
  ): AsyncGenerator<OpenAiChunk, void> {
    for await (const part of this.messages.stream(streamCompletion, completionRequestOf(body))) {
      if (part.type === 'start') setCacheHeader(reply, part.cache);
      yield* writer.chunksOf(part);
    }
  }

  private async allowedModels(): Promise<ListedModel[]> {
    const { models } = await this.messages.send(listModels, {});
    return models.filter(({ allowed }) => allowed);
  }
}

function toOpenAiModel({ id, provider }: ListedModel): OpenAiModel {
  return { id, object: 'model', created: 0, owned_by: provider };
}
