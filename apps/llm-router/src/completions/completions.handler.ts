import {
  complete,
  selectModel,
  streamCompletion,
  type Completion,
  type CompletionPart,
  type CompletionRequest,
  type InputOf,
  type ModelChoice,
} from '@tollgate/contracts';
import { Handle, MessageContext } from '@tollgate/messaging';
import { Plans } from '@tollgate/metering';
import { Controller } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { Catalogue } from '../catalogue/catalogue.service.js';
import { Completions } from './completions.service.js';

@Controller()
export class CompletionsHandler {
  constructor(
    private readonly completions: Completions,
    private readonly catalogue: Catalogue,
    private readonly plans: Plans,
  ) {}

  @Handle(selectModel)
  async selectModel(
    @Payload() { model }: InputOf<typeof selectModel>,
    @Ctx() { caller }: MessageContext,
  ): Promise<ModelChoice> {
    const { maxOutputTokens, concurrentRequests } = await this.plans.current(caller.tier);
    const choice = this.catalogue.choose(caller.tier, model);
    return { ...choice, max_output_tokens: maxOutputTokens, concurrent_requests: concurrentRequests };
  }

  @Handle(complete)
  complete(@Payload() request: CompletionRequest, @Ctx() context: MessageContext): Promise<Completion> {
    return this.completions.complete(request, context);
  }

  @Handle(streamCompletion)
  stream(@Payload() request: CompletionRequest, @Ctx() context: MessageContext): AsyncGenerator<CompletionPart, void> {
    return this.completions.stream(request, context);
  }
}
