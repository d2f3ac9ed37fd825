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
import { Controller } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { CachedCompletions } from '../cache/cached-completions.service.js';
import { Catalogue } from '../catalogue/catalogue.service.js';

@Controller()
export class CompletionsHandler {
  constructor(
    private readonly completions: CachedCompletions,
    private readonly catalogue: Catalogue,
  ) {}

  @Handle(selectModel)
  selectModel(@Payload() { model }: InputOf<typeof selectModel>, @Ctx() { caller }: MessageContext): ModelChoice {
    return this.catalogue.choose(caller.tier, model);
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
