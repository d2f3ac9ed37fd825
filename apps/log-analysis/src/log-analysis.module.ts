import { logAnalysisContracts } from '@tollgate/contracts';
import { Messages, MessagingModule } from '@tollgate/messaging';
import { ObservabilityModule } from '@tollgate/observability';
import { Module, type DynamicModule } from '@nestjs/common';
import { AnalysisHandler } from './analysis/analysis.handler.js';
import { Analysis } from './analysis/analysis.service.js';
import type { LogAnalysisConfig } from './config.js';
import { LogModel } from './narrative/log-model.service.js';
import { EVIDENCE_TOKENS_MAX, Narration } from './narrative/narration.service.js';
import { Questions } from './query/questions.service.js';

@Module({})
export class LogAnalysisModule {
  static forRoot(config: LogAnalysisConfig): DynamicModule {
    const { slots, queueMax, drainTimeoutMs } = config.replica;
    return {
      module: LogAnalysisModule,
      imports: [
        ObservabilityModule.forRoot({
          info: { service: 'log-analysis' },
          logLevel: config.log.level,
          inject: [Messages],
          readiness: (messages: Messages) => [{ name: 'redis', check: () => messages.ping() }],
        }),
        MessagingModule.forRoot({
          redisUrl: config.redis.url,
          queueMax,
          timeoutMs: config.requestTimeoutMs,
          server: { service: 'log-analysis', contracts: logAnalysisContracts, slots, drainTimeoutMs },
        }),
      ],
      controllers: [AnalysisHandler],
      providers: [
        { provide: EVIDENCE_TOKENS_MAX, useValue: config.evidenceTokensMax },
        LogModel,
        Narration,
        Questions,
        Analysis,
      ],
    };
  }
}
