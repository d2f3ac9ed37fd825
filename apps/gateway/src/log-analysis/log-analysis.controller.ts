import { analyzeLogs, type AnalysisResponse, type Caller, type LogTask } from '@tollgate/contracts';
import { Messages } from '@tollgate/messaging';
import { Controller, Req } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { CurrentCaller } from '../identity/current-caller.js';
import { LogRoute } from './log-route.js';
import { SentAnalyses } from './sent-analysis.service.js';
import { taskOf } from './task-of.js';

@ApiTags('log analysis')
@ApiBearerAuth()
@Controller('api/v1/llm')
export class LogAnalysisController {
  constructor(
    private readonly messages: Messages,
    private readonly sent: SentAnalyses,
  ) {}

  @LogRoute({
    path: 'analyze',
    use: 'answer',
    summary: 'What is in a log: issues, anomalies, patterns, and what to do',
  })
  analyze(@Req() request: FastifyRequest, @CurrentCaller() caller: Caller) {
    return this.ask(undefined, request, caller);
  }

  @LogRoute({
    path: 'detect-errors',
    use: 'answer',
    summary: 'The errors of a log, in groups, with counts, categories and severities',
  })
  detectErrors(@Req() request: FastifyRequest, @CurrentCaller() caller: Caller) {
    return this.ask('detect-errors', request, caller);
  }

  @LogRoute({
    path: 'root-cause',
    use: 'answer',
    summary: 'What came before the errors of a log, as candidates for their cause',
  })
  rootCause(@Req() request: FastifyRequest, @CurrentCaller() caller: Caller) {
    return this.ask('root-cause', request, caller);
  }

  @LogRoute({ path: 'detect-anomalies', use: 'answer', summary: 'What is unusual in a log, each with its confidence' })
  detectAnomalies(@Req() request: FastifyRequest, @CurrentCaller() caller: Caller) {
    return this.ask('detect-anomalies', request, caller);
  }

  @LogRoute({ path: 'query', use: 'answer', summary: 'A question about a log, `prompt`, answered by counting' })
  query(@Req() request: FastifyRequest, @CurrentCaller() caller: Caller) {
    return this.ask('query', request, caller);
  }

  @LogRoute({ path: 'summarize', use: 'answer', summary: 'The key figures and highlights of a log' })
  summarize(@Req() request: FastifyRequest, @CurrentCaller() caller: Caller) {
    return this.ask('summarize', request, caller);
  }

  /** Without a task of its own a route asks for what the body says. */
  private async ask(task: LogTask | undefined, request: FastifyRequest, caller: Caller): Promise<AnalysisResponse> {
    const body = await this.sent.read(request, caller);
    return this.messages.send(analyzeLogs, { ...body, task: task ?? taskOf(body) });
  }
}
