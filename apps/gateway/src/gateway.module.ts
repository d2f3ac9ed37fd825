import { invalidRequest } from '@tollgate/contracts';
import { Database, DatabaseModule } from '@tollgate/database';
import { Messages, MessagingModule } from '@tollgate/messaging';
import { MeteringModule } from '@tollgate/metering';
import { HealthController, ObservabilityModule } from '@tollgate/observability';
import { Module, StandardSchemaValidationPipe, type DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import { ChatController } from './chat/chat.controller.js';
import { ChatService } from './chat/chat.service.js';
import type { GatewayConfig } from './config.js';
import { ErrorFilter } from './http/error.filter.js';
import { describeRoutes } from './http/openapi.js';
import { EventStream } from './http/sse.js';
import { Public } from './identity/access-token.guard.js';
import { IdentityModule } from './identity/identity.module.js';
import { TextProcessingController } from './text-processing/text-processing.controller.js';
import { UsersController } from './users/users.controller.js';
import { UsersService } from './users/users.service.js';

// Probes and scrapers carry no token.
Public()(HealthController);
describeRoutes(HealthController, 'health', {
  health: 'The process is alive',
  ready: 'The process can serve: 200 when Postgres and Redis answer, else 503',
  metrics: "Prometheus' metrics",
});

@Module({})
export class GatewayModule {
  static forRoot(config: GatewayConfig): DynamicModule {
    return {
      module: GatewayModule,
      imports: [
        ObservabilityModule.forRoot({
          info: { service: 'gateway', llm_simulated: config.llmSimulated },
          logLevel: config.log.level,
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
        IdentityModule.forRoot(config.identity),
      ],
      controllers: [UsersController, TextProcessingController, ChatController],
      providers: [
        UsersService,
        ChatService,
        EventStream,
        { provide: APP_FILTER, useClass: ErrorFilter },
        {
          provide: APP_PIPE,
          useFactory: () => new StandardSchemaValidationPipe({ exceptionFactory: (issues) => invalidRequest(issues) }),
        },
      ],
    };
  }
}
