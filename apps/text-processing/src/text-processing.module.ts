import { textProcessingContracts } from '@tollgate/contracts';
import { Messages, MessagingModule } from '@tollgate/messaging';
import { ObservabilityModule } from '@tollgate/observability';
import { Module, type DynamicModule } from '@nestjs/common';
import type { TextProcessingConfig } from './config.js';
import { ProcessingHandler } from './processing/processing.handler.js';
import { Processing } from './processing/processing.service.js';

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
      controllers: [ProcessingHandler],
      providers: [Processing],
    };
  }
}
