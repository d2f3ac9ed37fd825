import {
  file,
  httpVariables,
  integer,
  loadConfig,
  logVariables,
  postgresVariables,
  redisVariables,
  text,
  type Environment,
} from '@tollgate/config';
import { loadPlansFile, planOverrides, tierLimitVariables } from '@tollgate/metering';
import { z } from 'zod';

const variables = z.object({
  ...httpVariables,
  ...redisVariables,
  ...postgresVariables,
  ...logVariables,
  ...tierLimitVariables,
  PLANS_FILE: file('config/plans.yaml', loadPlansFile),
  /** How often the holds of dead processes are looked for. */
  LAPSED_HOLDS_INTERVAL_MS: integer({ min: 100 }).default(5_000),
  /** When every counter is compared with its rows, in UTC. */
  DRIFT_CHECK_CRON: text().default('0 3 * * *'),
});

export const variableNames = Object.keys(variables.shape);

export const loadBillingConfig = (environment: Environment = process.env) =>
  loadConfig(
    variables.transform((all) => ({
      http: { port: all.PORT, host: all.HOST },
      redis: { url: all.REDIS_URL },
      postgres: { url: all.DATABASE_URL, poolMax: all.DATABASE_POOL_MAX },
      log: { level: all.LOG_LEVEL },
      plans: all.PLANS_FILE,
      planOverrides: planOverrides(all),
      upkeep: { lapsedHoldsEveryMs: all.LAPSED_HOLDS_INTERVAL_MS, driftCheckCron: all.DRIFT_CHECK_CRON },
    })),
    environment,
  );

export type BillingConfig = ReturnType<typeof loadBillingConfig>;
