export { Database, DatabaseModule, type DatabaseOptions } from './database.js';
export { migrate, type MigrateOptions } from './migrate.js';
export { AttemptOutcome, BatchPromptStatus, PlanOverage, Prisma, UsageSource, UserRole } from './generated/client.js';
export type {
  Account,
  Batch,
  BatchPrompt,
  Plan,
  PriceVersion,
  RefreshToken,
  UsageAttempt,
  User,
} from './generated/client.js';
export { ChatHistory, ChatMessageState, ChatRating, ChatSender } from './generated/client.js';
export type { ChatFeedback, ChatMessage, ChatSchema, ChatSession } from './generated/client.js';
