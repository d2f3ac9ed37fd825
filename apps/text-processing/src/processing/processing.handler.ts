import {
  processText,
  streamProcessText,
  type ProcessTextRequest,
  type ProcessTextResponse,
  type TextPart,
} from '@tollgate/contracts';
import { Handle, MessageContext } from '@tollgate/messaging';
import { Controller } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { Processing } from './processing.service.js';

@Controller()
export class ProcessingHandler {
  constructor(private readonly processing: Processing) {}

  @Handle(processText)
  process(@Payload() body: ProcessTextRequest, @Ctx() context: MessageContext): Promise<ProcessTextResponse> {
    return this.processing.process(body, context);
  }

  @Handle(streamProcessText)
  stream(@Payload() body: ProcessTextRequest, @Ctx() context: MessageContext): AsyncGenerator<TextPart, void> {
    return this.processing.stream(body, context);
  }
}
