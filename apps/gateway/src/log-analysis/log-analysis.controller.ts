import { AnalysisRequest, analyzeLogs, Caller, type AnalysisResponse, type LogTask } from '@tollgate/contracts';
import { Messages } from '@tollgate/messaging';
import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Answers, llmErrors } from '../http/openapi.js';
import { checkUserId, CurrentCaller } from '../identity/current-caller.js';
import { taskOf } from './task-of.js';

@ApiTags('log analysis')
@ApiBearerAuth()
@Controller('api/v1/llm')
export class LogAnalysisController {
  constructor(private readonly messages: Messages) {}

  @Post('analyze')
  @HttpCode(200)
  @ApiOperation({ summary: 'What is in a log: issues, anomalies, patterns, and what to do' })
  @Answers({ json: 'AnalysisResponse', errors: llmErrors })
  analyze(@Body({ schema: AnalysisRequest }) body: AnalysisRequest, @CurrentCaller() caller: Caller) {
    return this.ask(taskOf(body), body, caller);
  }

  @Post('detect-errors')
  @HttpCode(200)
  @ApiOperation({ summary: 'The errors of a log, in groups, with counts, categories and severities' })
  @Answers({ json: 'AnalysisResponse', errors: llmErrors })
  detectErrors(@Body({ schema: AnalysisRequest }) body: AnalysisRequest, @CurrentCaller() caller: Caller) {
    return this.ask('detect-errors', body, caller);
  }

  @Post('root-cause')
  @HttpCode(200)
  @ApiOperation({ summary: 'What came before the errors of a log, as candidates for their cause' })
  @Answers({ json: 'AnalysisResponse', errors: llmErrors })
  rootCause(@Body({ schema: AnalysisRequest }) body: AnalysisRequest, @CurrentCaller() caller: Caller) {
    return this.ask('root-cause', body, caller);
  }

  @Post('detect-anomalies')
  @HttpCode(200)
  @ApiOperation({ summary: 'What is unusual in a log, each with its confidence' })
  @Answers({ json: 'AnalysisResponse', errors: llmErrors })
  detectAnomalies(@Body({ schema: AnalysisRequest }) body: AnalysisRequest, @CurrentCaller() caller: Caller) {
    return this.ask('detect-anomalies', body, caller);
  }

  @Post('query')
  @HttpCode(200)
  @ApiOperation({ summary: 'A question about a log, `prompt`, answered by counting' })
  @Answers({ json: 'AnalysisResponse', errors: llmErrors })
  query(@Body({ schema: AnalysisRequest }) body: AnalysisRequest, @CurrentCaller() caller: Caller) {
    return this.ask('query', body, caller);
  }

  @Post('summarize')
  @HttpCode(200)
  @ApiOperation({ summary: 'The key figures and highlights of a log' })
  @Answers({ json: 'AnalysisResponse', errors: llmErrors })
  summarize(@Body({ schema: AnalysisRequest }) body: AnalysisRequest, @CurrentCaller() caller: Caller) {
    return this.ask('summarize', body, caller);
  }

  private ask(task: LogTask, body: AnalysisRequest, caller: Caller): Promise<AnalysisResponse> {
    checkUserId(body.user_id, caller);
    return this.messages.send(analyzeLogs, { ...body, task });
  }
}
