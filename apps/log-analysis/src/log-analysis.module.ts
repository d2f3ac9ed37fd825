import { logAnalysisContracts } from '@tollgate/contracts';
import { Database, DatabaseModule } from '@tollgate/database';
import { Messages, MessagingModule } from '@tollgate/messaging';
import { ObservabilityModule } from '@tollgate/observability';
import { Module, type DynamicModule } from '@nestjs/common';
import { AnalysisHandler } from './analysis/analysis.handler.js';
import { Analysis } from './analysis/analysis.service.js';
import type { LogAnalysisConfig } from './config.js';
import { JobQueue, JOBS_REDIS_URL } from './jobs/job-queue.service.js';
import { JobRunner } from './jobs/job-runner.service.js';
import { JobStore } from './jobs/job-store.service.js';
import { JobsHandler, PART_BYTES_MAX } from './jobs/jobs.handler.js';
import { LogModel, NARRATIVE_TIMEOUT_MS } from './narrative/log-model.service.js';
import { EVIDENCE_TOKENS_MAX, Narration } from './narrative/narration.service.js';
import { RouterPresence } from './narrative/router-presence.service.js';
import { Questions } from './query/questions.service.js';
import { LogReader, READERS_MAX } from './reading/log-reader.service.js';
import { LogStore } from './uploads/log-store.service.js';
import { UploadsHandler } from './uploads/uploads.handler.js';

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
          server: { service: 'log-analysis', contracts: logAnalysisContracts, slots, drainTimeoutMs },
        }),
        DatabaseModule.forRoot(config.postgres),
      ],
      controllers: [AnalysisHandler, UploadsHandler, JobsHandler],
      providers: [
        { provide: EVIDENCE_TOKENS_MAX, useValue: config.evidenceTokensMax },
        { provide: NARRATIVE_TIMEOUT_MS, useValue: config.narrativeTimeoutMs },
        { provide: READERS_MAX, useValue: config.readersMax },
        { provide: PART_BYTES_MAX, useValue: config.partBytesMax },
        { provide: JOBS_REDIS_URL, useValue: config.redis.url },
        LogStore,
        LogReader,
        RouterPresence,
        LogModel,
        Narration,
        Questions,
        Analysis,
        JobStore,
        JobRunner,
        JobQueue,
      ],
    };
  }
}
