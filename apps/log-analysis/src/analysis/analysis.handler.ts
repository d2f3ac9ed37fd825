import { analyzeLogs, type AnalysisResponse, type InputOf } from '@tollgate/contracts';
import { Handle, MessageContext } from '@tollgate/messaging';
import { Controller } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { Analysis } from './analysis.service.js';

@Controller()
export class AnalysisHandler {
  constructor(private readonly analysis: Analysis) {}

  @Handle(analyzeLogs)
  analyze(@Payload() body: InputOf<typeof analyzeLogs>, @Ctx() context: MessageContext): Promise<AnalysisResponse> {
    return this.analysis.analyze(body, context);
  }
}
