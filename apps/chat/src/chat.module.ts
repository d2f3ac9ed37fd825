import {
  chatDispatchContracts,
  chatGenerationContracts,
  chatSessionContracts,
  chatTurnContracts,
} from '@tollgate/contracts';
import { Database, DatabaseModule } from '@tollgate/database';
import { Messages, MessagingModule } from '@tollgate/messaging';
import { RequestUsage } from '@tollgate/metering';
import { ObservabilityModule } from '@tollgate/observability';
import { OutboundClient } from '@tollgate/outbound';
import { Module, type DynamicModule } from '@nestjs/common';
import type { ChatConfig } from './config.js';
import { ChatContext, CONTEXT_TOKENS_MAX } from './context/chat-context.service.js';
import { ContextStore } from './context/context-store.js';
import { Summaries } from './context/summaries.service.js';
import { AnswerEvents, TURN_OPTIONS } from './coordination/answer-events.js';
import { Bells } from './coordination/bells.js';
import { ChatRedis } from './coordination/chat-redis.js';
import { SessionLocks } from './coordination/session-locks.js';
import { DISPATCH_OPTIONS, DispatchDelivery } from './dispatch/dispatch-delivery.service.js';
import { DISPATCH_REDIS_URL, DispatchQueue } from './dispatch/dispatch-queue.service.js';
import { DispatchHandler } from './dispatch/dispatch.handler.js';
import { Dispatches } from './dispatch/dispatches.service.js';
import { FeedbackHandler } from './feedback/feedback.handler.js';
import { Feedback } from './feedback/feedback.service.js';
import { FunctionCalls } from './functions/function-calls.service.js';
import { FunctionOffers } from './functions/function-offers.service.js';
import { ChatSchemas } from './generation/chat-schemas.service.js';
import { GenerationHandler } from './generation/generation.handler.js';
import { JsonGeneration } from './generation/json-generation.service.js';
import { Retention, RETENTION_DAYS } from './sessions/retention.service.js';
import { SessionMessages } from './sessions/session-messages.service.js';
import { SessionsHandler } from './sessions/sessions.handler.js';
import { Sessions } from './sessions/sessions.service.js';
import { AnswerGeneration } from './turns/answer-generation.service.js';
import { AnswerUsage } from './turns/answer-usage.service.js';
import { ANSWER_TIMEOUT_MS, Answering } from './turns/answering.service.js';
import { Following } from './turns/following.service.js';
import { Recovery } from './turns/recovery.service.js';
import { RunningAnswers } from './turns/running-answers.service.js';
import { TurnStore } from './turns/turn-store.js';
import { TurnsHandler } from './turns/turns.handler.js';
import { Turns } from './turns/turns.service.js';

const contracts = [...chatTurnContracts, ...chatSessionContracts, ...chatGenerationContracts, ...chatDispatchContracts];
/** Of what an API answers only the status matters. */
const DISPATCH_RESPONSE_BYTES_MAX = 4_096;

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
            contracts,
            slots,
            drainTimeoutMs,
          },
        }),
        DatabaseModule.forRoot(config.postgres),
      ],
      controllers: [TurnsHandler, SessionsHandler, GenerationHandler, DispatchHandler, FeedbackHandler],
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
        RequestUsage,
        AnswerUsage,
        FunctionOffers,
        FunctionCalls,
        AnswerGeneration,
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
        { provide: DISPATCH_OPTIONS, useValue: config.dispatch },
        { provide: DISPATCH_REDIS_URL, useValue: config.redis.url },
        { provide: OutboundClient, useFactory: () => outboundClientOf(config) },
        DispatchDelivery,
        DispatchQueue,
        Dispatches,
        Feedback,
      ],
    };
  }
}

function outboundClientOf({ dispatch: { hosts, allowPrivate, timeoutMs } }: ChatConfig): OutboundClient {
  return new OutboundClient({
    allowedHosts: hosts,
    allowPrivate,
    timeoutMs,
    maxResponseBytes: DISPATCH_RESPONSE_BYTES_MAX,
  });
}
