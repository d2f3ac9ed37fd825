import { CountersRedis } from '@tollgate/limits';
import { Inject, Injectable } from '@nestjs/common';
import { LIMITS_OPTIONS, type LimitsOptions } from './limits-options.js';
import { signInScripts } from './sign-in-scripts.js';

/** The counters of calls, and those of sign-ins. */
@Injectable()
export class LimitsRedis extends CountersRedis {
  constructor(@Inject(LIMITS_OPTIONS) { redisUrl }: LimitsOptions) {
    super(redisUrl, signInScripts);
  }
}
