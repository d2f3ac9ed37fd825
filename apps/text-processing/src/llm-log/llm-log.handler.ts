import { getLogStats, type LogStats } from '@tollgate/contracts';
import { Handle } from '@tollgate/messaging';
import { Controller } from '@nestjs/common';
import { LlmLog } from './llm-log.service.js';

@Controller()
export class LlmLogHandler {
  constructor(private readonly log: LlmLog) {}

  @Handle(getLogStats)
  stats(): Promise<LogStats> {
    return this.log.stats();
  }
}
