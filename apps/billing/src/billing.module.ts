import { Database, DatabaseModule } from '@tollgate/database';
import { MeteringModule } from '@tollgate/metering';
import { ObservabilityModule } from '@tollgate/observability';
import { Module, type DynamicModule } from '@nestjs/common';
import type { BillingConfig } from './config.js';
import { JobQueueModule } from './upkeep/job-queue.module.js';
import { JobRedis } from './upkeep/job-redis.js';
import { UpkeepJobs, UPKEEP_OPTIONS } from './upkeep/upkeep-jobs.service.js';
import { UpkeepProcessor } from './upkeep/upkeep.processor.js';

@Module({})
export class BillingModule {
  static forRoot(config: BillingConfig): DynamicModule {
    return {
      module: BillingModule,
      imports: [
        JobQueueModule.forRoot(config.redis),
        ObservabilityModule.forRoot({
          info: { service: 'billing' },
          logLevel: config.log.level,
          inject: [Database, JobRedis],
          readiness: (database: Database, redis: JobRedis) => [
            { name: 'postgres', check: () => database.ping() },
            { name: 'redis', check: () => redis.ping() },
          ],
        }),
        DatabaseModule.forRoot(config.postgres),
        MeteringModule.forRoot({ plans: config.plans, planOverrides: config.planOverrides }),
      ],
      providers: [{ provide: UPKEEP_OPTIONS, useValue: config.upkeep }, UpkeepJobs, UpkeepProcessor],
    };
  }
}
