import {
  AppError,
  clearCache,
  describeLlmHealth,
  listModels,
  validateModel,
  type CacheCleared,
  type InputOf,
  type LlmHealth,
  type ModelListing,
  type ModelValidation,
} from '@tollgate/contracts';
import { Handle, MessageContext } from '@tollgate/messaging';
import { Controller } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { ResponseCache } from '../cache/response-cache.js';
import { Models } from './models.service.js';

@Controller()
export class ModelsHandler {
  constructor(
    private readonly models: Models,
    private readonly cache: ResponseCache,
  ) {}

  @Handle(listModels)
  list(@Ctx() { caller }: MessageContext): ModelListing {
    return this.models.list(caller);
  }

  @Handle(describeLlmHealth)
  health(): Promise<LlmHealth> {
    return this.models.health();
  }

  @Handle(validateModel)
  validate(
    @Payload() { model }: InputOf<typeof validateModel>,
    @Ctx() context: MessageContext,
  ): Promise<ModelValidation> {
    return this.models.validate(model, context);
  }

  @Handle(clearCache)
  async clear(
    @Payload() { all_accounts: isForAll }: InputOf<typeof clearCache>,
    @Ctx() { caller }: MessageContext,
  ): Promise<CacheCleared> {
    if (isForAll && caller.role !== 'admin') throw new AppError('forbidden', 'Only an admin may clear all accounts.');
    return { cleared: await this.cache.clear(isForAll ? undefined : caller.account_id) };
  }
}
