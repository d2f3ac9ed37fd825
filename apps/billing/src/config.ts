import {
  file,
  httpVariables,
  integer,
  loadConfig,
  logVariables,
  outboundVariables,
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
  ...outboundVariables,
  PLANS_FILE: file('config/plans.yaml', loadPlansFile),
  /** How often the holds of dead processes are looked for. */
  LAPSED_HOLDS_INTERVAL_MS: integer({ min: 100 }).default(5_000),
  /** When every counter is compared with its rows, in UTC. */
  DRIFT_CHECK_CRON: text().default('0 3 * * *'),
  /** How often ended months and planned changes of plans are looked for. */
  INVOICES_INTERVAL_MS: integer({ min: 100 }).default(60_000),
  /** How often events are looked for that are to be delivered. */
  WEBHOOK_INTERVAL_MS: integer({ min: 100 }).default(1_000),
  WEBHOOK_TIMEOUT_MS: integer({ min: 100, max: 30_000 }).default(10_000),
  /** Between the first attempt and the second; it doubles with each. */
  WEBHOOK_RETRY_FIRST_MS: integer({ min: 100 }).default(5_000),
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
      invoices: { everyMs: all.INVOICES_INTERVAL_MS },
      webhooks: {
        everyMs: all.WEBHOOK_INTERVAL_MS,
        retryFirstMs: all.WEBHOOK_RETRY_FIRST_MS,
        timeoutMs: all.WEBHOOK_TIMEOUT_MS,
        allowPrivate: all.WEBHOOK_ALLOW_PRIVATE,
        allowedHosts: all.WEBHOOK_ALLOWED_HOSTS,
      },
    })),
    environment,
  );

export type BillingConfig = ReturnType<typeof loadBillingConfig>;
