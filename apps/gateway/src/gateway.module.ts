import { Database, DatabaseModule } from '@tollgate/database';
import { Messages, MessagingModule } from '@tollgate/messaging';
import { MeteringModule } from '@tollgate/metering';
import { ObservabilityModule } from '@tollgate/observability';
import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { AccountsModule } from './admin/accounts.module.js';
import { BatchesController } from './batches/batches.controller.js';
import { ChatController } from './chat/chat.controller.js';
import { ChatService } from './chat/chat.service.js';
import { ChatDispatchesController } from './chat-sessions/chat-dispatches.controller.js';
import { ChatGenerationController } from './chat-sessions/chat-generation.controller.js';
import { ChatSessionsController } from './chat-sessions/chat-sessions.controller.js';
import { ChatTurnsController } from './chat-sessions/chat-turns.controller.js';
import { ChatTurns } from './chat-sessions/chat-turns.service.js';
import { Transcripts } from './chat-sessions/transcripts.service.js';
import type { GatewayConfig } from './config.js';
import { ErrorFilter } from './http/error.filter.js';
import { RequestValidation } from './http/request-validation.js';
import { EventStream } from './http/sse.js';
import { IdempotencyInterceptor } from './idempotency/idempotency.interceptor.js';
import { KeyedRequests } from './idempotency/keyed-requests.js';
import { IdentityModule } from './identity/identity.module.js';
import { CallLimitsInterceptor } from './limits/call-limits.interceptor.js';
import { LimitsModule } from './limits/limits.module.js';
import { LogAnalysisController } from './log-analysis/log-analysis.controller.js';
import { LogJobsController } from './log-analysis/log-jobs.controller.js';
import { LogUploads, UPLOAD_LIMITS } from './log-analysis/log-uploads.service.js';
import { SentAnalyses } from './log-analysis/sent-analysis.service.js';
import { GenerateService } from './model-service/generate.service.js';
import { ModelServiceController } from './model-service/model-service.controller.js';
import { OpenAiController } from './openai-compatible/openai.controller.js';
import { LlmStatus } from './status/llm-status.service.js';
import { StatusController } from './status/status.controller.js';
import { TextProcessingController } from './text-processing/text-processing.controller.js';
import { UsageController } from './usage/usage.controller.js';
import { UsageService } from './usage/usage.service.js';
import { UsersController } from './users/users.controller.js';
import { UsersService } from './users/users.service.js';
import { ClientFrames } from './web-socket/client-frames.service.js';
import { Connections } from './web-socket/connections.service.js';
import { Credentials } from './web-socket/credentials.service.js';
import { SocketTurns } from './web-socket/socket-turns.service.js';
import { Tickets } from './web-socket/tickets.service.js';
import { WEB_SOCKET_OPTIONS } from './web-socket/web-socket-options.js';
import { WebSocketController } from './web-socket/web-socket.controller.js';
import { WebhooksModule } from './webhooks/webhooks.module.js';

@Module({})
export class GatewayModule {
  static forRoot(config: GatewayConfig): DynamicModule {
    return {
      module: GatewayModule,
      imports: [
        ObservabilityModule.forRoot({
          info: { service: 'gateway', llm_simulated: config.llmSimulated },
          logLevel: config.log.level,
          hasController: false,
          inject: [Database, Messages],
          readiness: (database: Database, messages: Messages) => [
            { name: 'postgres', check: () => database.ping() },
            { name: 'redis', check: () => messages.ping() },
          ],
        }),
        DatabaseModule.forRoot(config.postgres),
        MessagingModule.forRoot({
          redisUrl: config.redis.url,
          queueMax: config.replica.queueMax,
          timeoutMs: config.requestTimeoutMs,
        }),
        MeteringModule.forRoot({ plans: config.plans, planOverrides: config.planOverrides }),
        // Its guard comes first: requests are counted for whoever sent them.
        IdentityModule.forRoot(config.identity),
        LimitsModule.forRoot({ ...config.limits, redisUrl: config.redis.url }),
        AccountsModule,
        WebhooksModule.forRoot(config.webhooks),
      ],
      controllers: [
        StatusController,
        UsersController,
        UsageController,
        TextProcessingController,
        ChatController,
        ChatTurnsController,
        ChatSessionsController,
        ChatDispatchesController,
        ChatGenerationController,
        LogAnalysisController,
        LogJobsController,
        ModelServiceController,
        BatchesController,
        OpenAiController,
        WebSocketController,
      ],
      providers: [
        UsersService,
        UsageService,
        ChatService,
        ChatTurns,
        Transcripts,
        GenerateService,
        LlmStatus,
        { provide: UPLOAD_LIMITS, useValue: config.uploads },
        LogUploads,
        SentAnalyses,
        EventStream,
        KeyedRequests,
        { provide: WEB_SOCKET_OPTIONS, useValue: config.webSocket },
        ClientFrames,
        Connections,
        Credentials,
        SocketTurns,
        Tickets,
        // In this order: an answer that is kept is repeated whatever the limits say.
        { provide: APP_INTERCEPTOR, useClass: IdempotencyInterceptor },
        { provide: APP_INTERCEPTOR, useClass: CallLimitsInterceptor },
        { provide: APP_FILTER, useClass: ErrorFilter },
        { provide: APP_PIPE, useClass: RequestValidation },
      ],
    };
  }
}
