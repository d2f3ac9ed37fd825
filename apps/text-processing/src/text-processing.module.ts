import { textProcessingContracts } from '@tollgate/contracts';
import { Messages, MessagingModule } from '@tollgate/messaging';
import { ObservabilityModule } from '@tollgate/observability';
import { Module, type DynamicModule } from '@nestjs/common';
import type { TextProcessingConfig } from './config.js';
import { LLM_LOG_OPTIONS, LlmLog } from './llm-log/llm-log.service.js';
import { LlmLogHandler } from './llm-log/llm-log.handler.js';
import { MapReduce } from './map-reduce/map-reduce.service.js';
import { Generation } from './processing/generation.service.js';
import { ProcessingHandler } from './processing/processing.handler.js';
import { Processing } from './processing/processing.service.js';
import { TextWork } from './processing/text-work.service.js';
import { Refinement } from './sessions/refinement.service.js';
import { SessionsHandler } from './sessions/sessions.handler.js';
import { TEXT_SESSIONS_OPTIONS, TextSessions } from './sessions/text-sessions.service.js';

@Module({})
export class TextProcessingModule {
  static forRoot(config: TextProcessingConfig): DynamicModule {
    const { slots, queueMax, drainTimeoutMs } = config.replica;
    return {
      module: TextProcessingModule,
      imports: [
        ObservabilityModule.forRoot({
          info: { service: 'text-processing' },
          logLevel: config.log.level,
          inject: [Messages],
          readiness: (messages: Messages) => [{ name: 'redis', check: () => messages.ping() }],
        }),
        MessagingModule.forRoot({
          redisUrl: config.redis.url,
          queueMax,
          timeoutMs: config.requestTimeoutMs,
          server: { service: 'text-processing', contracts: textProcessingContracts, slots, drainTimeoutMs },
        }),
      ],
      controllers: [ProcessingHandler, SessionsHandler, LlmLogHandler],
      providers: [
        { provide: LLM_LOG_OPTIONS, useValue: config.llmLog },
        { provide: TEXT_SESSIONS_OPTIONS, useValue: config.sessions },
        LlmLog,
        Generation,
        MapReduce,
        TextWork,
        TextSessions,
        Processing,
        Refinement,
      ],
    };
  }
}
