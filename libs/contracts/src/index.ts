export {
  AdminAccount,
  AdminAccountList,
  AdminUser,
  AuditEntryList,
  ChangeAccountRequest,
  ChangeUserRequest,
  RefundRequest,
} from './admin.js';
export { ApiKey, ApiKeyList, ApiKeyScope, CreateApiKeyRequest, CreatedApiKey } from './api-keys.js';
export { AppError, invalidRequest, isAppError, WireError } from './app-error.js';
export { Caller } from './caller.js';
export { ChatEvent, ChatRequest, ChatResponse } from './chat.js';
export { isConnectionError } from './connection-error.js';
export {
  request,
  stream,
  type Contract,
  type InputOf,
  type OutputOf,
  type PartOf,
  type RequestContract,
  type StreamContract,
} from './contract.js';
export { errorTable, isErrorCode, type ErrorCode } from './errors.js';
export { LoginRequest, MeResponse, RefreshRequest, RegisterRequest, TokenResponse } from './identity.js';
export {
  ChatMessage,
  ChoiceReason,
  complete,
  Completion,
  CompletionMetadata,
  CompletionPart,
  CompletionRequest,
  FailureCategory,
  FinishReason,
  llmRouterContracts,
  ModelChoice,
  ResponseFormat,
  Sampling,
  selectModel,
  streamCompletion,
  Tool,
  ToolCall,
  ToolChoice,
  Usage,
  UsageSource,
} from './llm-router.js';
export { UsageBucket, UsagePage, UsageResult } from './usage.js';
export {
  deleteTextSession,
  extendTextSession,
  FeedbackRequest,
  getLogStats,
  getTextSession,
  LogStats,
  processText,
  ProcessTextRequest,
  ProcessTextResponse,
  refineText,
  RefineResponse,
  regenerateText,
  RegenerateResponse,
  streamProcessText,
  streamRefineText,
  streamRegenerateText,
  SummaryType,
  TextPart,
  textProcessingContracts,
  TextSessionDeleted,
  TextSessionExtended,
  TextSessionExtension,
  TextSessionStatus,
  TextTask,
  TTL_SECONDS_MAX,
} from './text-processing.js';
