import {
  CacheCleared,
  Caller,
  clearCache,
  describeLlmHealth,
  GenerateRequest,
  listModels,
  LlmHealth,
  ModelListing,
  ModelValidation,
  validateModel,
  ValidateModelRequest,
} from '@tollgate/contracts';
import { Messages } from '@tollgate/messaging';
import { Body, Controller, Get, Header, HttpCode, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Answers, llmErrors, serviceErrors } from '../http/openapi.js';
import { EventStream } from '../http/sse.js';
import { checkUserId, CurrentCaller } from '../identity/current-caller.js';
import { CostsLikeACall, CostsNothing } from '../limits/route-kind.js';
import { GenerateService } from './generate.service.js';

const ClearScope = z.object({ scope: z.enum(['account', 'all']).optional() });
type ClearScope = z.infer<typeof ClearScope>;

/** A query of one parameter, while {@link ValidateModelRequest} is a body. */
const ModelQuery = z.object(ValidateModelRequest.shape);
type ModelQuery = z.infer<typeof ModelQuery>;

@ApiTags('model service')
@ApiBearerAuth()
@Controller()
export class ModelServiceController {
  constructor(
    private readonly messages: Messages,
    private readonly generations: GenerateService,
    private readonly events: EventStream,
  ) {}

  @Post(['api/v1/generate', 'generate'])
  @HttpCode(200)
  @ApiOperation({ summary: 'An answer to a prompt, from the cache where it may; whole or as a stream' })
  @Answers({ json: 'GenerateResponse', events: 'GenerateEvent', errors: llmErrors })
  async generate(
    @Body({ schema: GenerateRequest }) body: GenerateRequest,
    @CurrentCaller() caller: Caller,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    checkUserId(body.user_id, caller);
    if (body.stream) await this.events.send(reply, this.generations.stream(body, reply));
    else await reply.send(await this.generations.answer(body, reply));
  }

  @Post(['api/v1/validate-model', 'validate-model'])
  @HttpCode(200)
  @ApiOperation({
    summary: 'Is a model there, and how fast does it answer? It is asked for a short text, which is billed',
  })
  @Answers({ json: 'ModelValidation', errors: llmErrors })
  validate(
    @Body({ schema: ValidateModelRequest.nullish() }) body: ValidateModelRequest | null | undefined,
  ): Promise<ModelValidation> {
    return this.messages.send(validateModel, { model: body?.model });
  }

  @CostsLikeACall()
  @Get(['api/v1/validate-model', 'validate-model'])
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'The same, for a browser or curl' })
  @Answers({ json: 'ModelValidation', errors: llmErrors })
  validateByQuery(@Query({ schema: ModelQuery }) query: ModelQuery): Promise<ModelValidation> {
    return this.messages.send(validateModel, query);
  }

  @CostsNothing()
  @Post(['api/v1/cache/clear', 'cache/clear'])
  @HttpCode(200)
  @ApiOperation({
    summary: 'Forget the cached answers: of all accounts for an admin, of the own one for everyone else',
  })
  @Answers({ json: 'CacheCleared', errors: ['forbidden', ...serviceErrors] })
  clear(
    @Query({ schema: ClearScope }) { scope }: ClearScope,
    @CurrentCaller() { role }: Caller,
  ): Promise<CacheCleared> {
    const isForAll = scope === undefined ? role === 'admin' : scope === 'all';
    return this.messages.send(clearCache, { all_accounts: isForAll });
  }

  @Get('api/v1/llm/models')
  @ApiOperation({ summary: 'The models, which of them can be reached, and which the tier includes' })
  @Answers({ json: 'ModelListing', errors: serviceErrors })
  list(): Promise<ModelListing> {
    return this.messages.send(listModels, {});
  }

  @Get('api/v1/llm/health')
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'How the models and the cache are' })
  @Answers({ json: 'LlmHealth', errors: serviceErrors })
  health(): Promise<LlmHealth> {
    return this.messages.send(describeLlmHealth, {});
  }
}
