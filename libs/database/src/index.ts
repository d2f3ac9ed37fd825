export { Database, DatabaseModule, type DatabaseOptions } from './database.js';
export { migrate, type MigrateOptions } from './migrate.js';
export { AttemptOutcome, PlanOverage, Prisma, RollupGrain, UsageSource, UserRole } from './generated/client.js';
export type {
  Account,
  ApiKey,
  Hold,
  Plan,
  PriceVersion,
  RefreshToken,
  UsageAttempt,
  UsageRollup,
  User,
} from './generated/client.js';
