export { Database, DatabaseModule, type DatabaseOptions } from './database.js';
export { migrate, type MigrateOptions } from './migrate.js';
export { AttemptOutcome, PlanOverage, Prisma, UsageSource, UserRole } from './generated/client.js';
export type { Account, ApiKey, Plan, PriceVersion, RefreshToken, UsageAttempt, User } from './generated/client.js';
