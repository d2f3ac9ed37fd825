export { DatabaseError } from 'pg';
export { Database, DatabaseModule, type DatabaseOptions } from './database.js';
export { asService } from './data-scope.js';
export type { PreparedStatement } from './statement-pool.js';
export { migrate, type MigrateOptions } from './migrate.js';
export {
  AttemptOutcome,
  BatchPromptStatus,
  InvoiceComponent,
  InvoiceStatus,
  OveragePricing,
  PlanOverage,
  PriceOrigin,
  Prisma,
  RollupGrain,
  UsageSource,
  UserRole,
  WebhookDeliveryStatus,
} from './generated/client.js';
export type {
  Account,
  ApiKey,
  Batch,
  BatchPrompt,
  Hold,
  LogJob,
  LogJobPart,
  Plan,
  PriceVersion,
  RefreshToken,
  UsageAttempt,
  UsageRollup,
  User,
} from './generated/client.js';
export { ChatHistory, ChatMessageState, ChatRating, ChatSender } from './generated/client.js';
export type { ChatDispatch, ChatFeedback, ChatMessage, ChatSchema, ChatSession } from './generated/client.js';
export type {
  AccountAdjustment,
  Invite,
  Invoice,
  InvoiceLine,
  PlanChange,
  ProviderExport,
  ProviderExportDay,
  Subscription,
  WebhookAttempt,
  WebhookDelivery,
  WebhookEndpoint,
  WebhookEvent,
} from './generated/client.js';
