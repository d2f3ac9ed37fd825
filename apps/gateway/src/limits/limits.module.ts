import { CallSlots, CountersRedis, RunningCalls } from '@tollgate/limits';
import { Module, type DynamicModule } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { CallLimits } from './call-limits.service.js';
import { LIMITS_OPTIONS, type LimitsOptions } from './limits-options.js';
import { LimitsRedis } from './limits-redis.js';
import { RequestBoundGuard } from './request-bound.guard.js';
import { SignInAttempts } from './sign-in-attempts.js';

/** How often and how much at once; what it may cost is decided where it is spent. */
@Module({})
export class LimitsModule {
  static forRoot(options: LimitsOptions): DynamicModule {
    return {
      module: LimitsModule,
      global: true,
      providers: [
        { provide: LIMITS_OPTIONS, useValue: options },
        LimitsRedis,
        { provide: CountersRedis, useExisting: LimitsRedis },
        RunningCalls,
        CallSlots,
        CallLimits,
        SignInAttempts,
        { provide: APP_GUARD, useClass: RequestBoundGuard },
      ],
      exports: [LIMITS_OPTIONS, LimitsRedis, CallLimits, SignInAttempts],
    };
  }
}
