import { chatGenerationContracts, chatSessionContracts, chatTurnContracts } from '@tollgate/contracts';
import { Database, DatabaseModule } from '@tollgate/database';
import { Messages, MessagingModule } from '@tollgate/messaging';
import { ObservabilityModule } from '@tollgate/observability';
import { Module, type DynamicModule } from '@nestjs/common';
import type { ChatConfig } from './config.js';
import { ChatContext, CONTEXT_TOKENS_MAX } from './context/chat-context.service.js';
import { ContextStore } from './context/context-store.js';
import { Summaries } from './context/summaries.service.js';
import { AnswerEvents, TURN_OPTIONS } from './coordination/answer-events.js';
import { Bells } from './coordination/bells.js';
import { ChatRedis } from './coordination/chat-redis.js';
import { SessionLocks } from './coordination/session-locks.js';
import { FeedbackHandler } from './feedback/feedback.handler.js';
import { Feedback } from './feedback/feedback.service.js';
import { ChatSchemas } from './generation/chat-schemas.service.js';
import { GenerationHandler } from './generation/generation.handler.js';
import { JsonGeneration } from './generation/json-generation.service.js';
import { Retention, RETENTION_DAYS } from './sessions/retention.service.js';
import { SessionMessages } from './sessions/session-messages.service.js';
import { SessionsHandler } from './sessions/sessions.handler.js';
import { Sessions } from './sessions/sessions.service.js';
import { ANSWER_TIMEOUT_MS, Answering } from './turns/answering.service.js';
import { Following } from './turns/following.service.js';
import { Recovery } from './turns/recovery.service.js';
import { RunningAnswers } from './turns/running-answers.service.js';
import { TurnStore } from './turns/turn-store.js';
import { TurnsHandler } from './turns/turns.handler.js';
import { Turns } from './turns/turns.service.js';

@Module({})
export class ChatModule {
  static forRoot(config: ChatConfig): DynamicModule {
    const { slots, queueMax, drainTimeoutMs } = config.replica;
    return {
      module: ChatModule,
      imports: [
        ObservabilityModule.forRoot({
          info: { service: 'chat' },
          logLevel: config.log.level,
          inject: [Database, Messages],
          readiness: (database: Database, messages: Messages) => [
            { name: 'postgres', check: () => database.ping() },
            { name: 'redis', check: () => messages.ping() },
          ],
        }),
        MessagingModule.forRoot({
          redisUrl: config.redis.url,
          queueMax,
          timeoutMs: config.requestTimeoutMs,
          server: {
            service: 'chat',
            contracts: [...chatTurnContracts, ...chatSessionContracts, ...chatGenerationContracts],
            slots,
            drainTimeoutMs,
          },
        }),
        DatabaseModule.forRoot(config.postgres),
      ],
      controllers: [TurnsHandler, SessionsHandler, GenerationHandler, FeedbackHandler],
      providers: [
        { provide: TURN_OPTIONS, useValue: config.turns },
        { provide: ANSWER_TIMEOUT_MS, useValue: config.requestTimeoutMs },
        { provide: CONTEXT_TOKENS_MAX, useValue: config.contextTokensMax },
        { provide: RETENTION_DAYS, useValue: config.retentionDays },
        { provide: ChatRedis, useFactory: () => new ChatRedis(config.redis.url) },
        Bells,
        SessionLocks,
        AnswerEvents,
        TurnStore,
        ContextStore,
        Summaries,
        ChatContext,
        Answering,
        Following,
        Recovery,
        Turns,
        RunningAnswers,
        Sessions,
        SessionMessages,
        Retention,
        ChatSchemas,
        JsonGeneration,
        Feedback,
      ],
    };
  }
}
