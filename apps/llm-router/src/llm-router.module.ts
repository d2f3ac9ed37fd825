import { llmBatchContracts, llmModelContracts, llmRouterContracts } from '@tollgate/contracts';
import { Database, DatabaseModule } from '@tollgate/database';
import { CallSlots, CountersRedis, RunningCalls } from '@tollgate/limits';
import { Messages, MessagingModule } from '@tollgate/messaging';
import { MeteringModule } from '@tollgate/metering';
import { ObservabilityModule } from '@tollgate/observability';
import { Module, type DynamicModule } from '@nestjs/common';
import { BatchPrompts } from './batches/batch-prompts.service.js';
import { BatchQueue, BATCH_REDIS_URL } from './batches/batch-queue.service.js';
import { BatchRunner } from './batches/batch-runner.service.js';
import { BatchStore } from './batches/batch-store.service.js';
import { BATCH_LIMITS, BatchTurns } from './batches/batch-turns.service.js';
import { BatchesHandler } from './batches/batches.handler.js';
import { CachedCompletions } from './cache/cached-completions.service.js';
import { HitLedger } from './cache/hit-ledger.js';
import { CACHE_OPTIONS, ResponseCache } from './cache/response-cache.js';
import { Catalogue, MODELS, ROUTING } from './catalogue/catalogue.service.js';
import { MODELS_SOURCE, ModelsWatcher } from './catalogue/models-watcher.service.js';
import { AttemptAdmission } from './completions/attempt-admission.service.js';
import { AttemptRun } from './completions/attempt-run.service.js';
import { CompletionsHandler } from './completions/completions.handler.js';
import { Completions } from './completions/completions.service.js';
import { Settlement } from './completions/settlement.service.js';
import type { LlmRouterConfig } from './config.js';
import { ModelsHandler } from './models/models.handler.js';
import { Models } from './models/models.service.js';
import { PROVIDER_LIMITS, ProviderRegistry } from './providers/provider-registry.service.js';
import { JsonChecks } from './structured-output/json-checks.service.js';
import { JsonChecksHandler } from './structured-output/json-checks.handler.js';
import { SchemaJudge } from './structured-output/schema-judge.service.js';
import { StructuredCompletions } from './structured-output/structured-completions.service.js';

const contracts = [...llmRouterContracts, ...llmModelContracts, ...llmBatchContracts];

@Module({})
export class LlmRouterModule {
  static forRoot(config: LlmRouterConfig): DynamicModule {
    const { slots, queueMax, drainTimeoutMs } = config.replica;
    return {
      module: LlmRouterModule,
      imports: [
        ObservabilityModule.forRoot({
          info: { service: 'llm-router' },
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
          server: { service: 'llm-router', contracts, slots, drainTimeoutMs },
        }),
        DatabaseModule.forRoot(config.postgres),
        MeteringModule.forRoot(config),
      ],
      controllers: [CompletionsHandler, JsonChecksHandler, ModelsHandler, BatchesHandler],
      providers: [
        { provide: MODELS, useValue: config.models.file },
        { provide: MODELS_SOURCE, useValue: config.models.source },
        { provide: ROUTING, useValue: config.routing },
        { provide: PROVIDER_LIMITS, useValue: config.providers },
        ProviderRegistry,
        Catalogue,
        ModelsWatcher,
        Settlement,
        AttemptAdmission,
        AttemptRun,
        Completions,
        SchemaJudge,
        JsonChecks,
        StructuredCompletions,
        { provide: CACHE_OPTIONS, useValue: config.cache },
        ResponseCache,
        HitLedger,
        CachedCompletions,
        Models,
        { provide: BATCH_REDIS_URL, useValue: config.redis.url },
        { provide: BATCH_LIMITS, useValue: config.limits },
        { provide: CountersRedis, useFactory: () => new CountersRedis(config.redis.url) },
        RunningCalls,
        CallSlots,
        BatchStore,
        BatchTurns,
        BatchPrompts,
        BatchRunner,
        BatchQueue,
      ],
    };
  }
}
