import { Module, type DynamicModule } from '@nestjs/common';
import { JobRedis } from './job-redis.js';

/** The connection to Redis, for the jobs and for the readiness probe. */
@Module({})
export class JobQueueModule {
  static forRoot({ url }: { url: string }): DynamicModule {
    return {
      module: JobQueueModule,
      global: true,
      providers: [{ provide: JobRedis, useFactory: () => new JobRedis(url) }],
      exports: [JobRedis],
    };
  }
}
