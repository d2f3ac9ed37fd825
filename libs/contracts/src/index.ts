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
export { GatewayHealth, GatewayMetrics } from './gateway-status.js';
export { LoginRequest, MeResponse, RefreshRequest, RegisterRequest, TokenResponse } from './identity.js';
export {
  Batch,
  BatchListing,
  BatchPage,
  BatchResult,
  BatchStatus,
  BatchWithResults,
  cancelBatch,
  createBatch,
  CreateBatchRequest,
  getBatch,
  listBatches,
  llmBatchContracts,
  readBatchResults,
} from './llm-batches.js';
export { GenerateEvent, GenerateRequest, GenerateResponse } from './llm-generate.js';
export {
  CacheCleared,
  CacheStatistics,
  clearCache,
  ConnectionStatus,
  describeLlmHealth,
  ListedModel,
  listModels,
  LlmHealth,
  llmModelContracts,
  ModelListing,
  ModelValidation,
  validateModel,
  ValidateModelRequest,
} from './llm-models.js';
export {
  CacheOptions,
  CacheOutcome,
  CacheReport,
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
export {
  OpenAiChatCompletion,
  OpenAiChatRequest,
  OpenAiChunk,
  OpenAiDelta,
  OpenAiModel,
  OpenAiModelList,
  OpenAiUsage,
} from './openai.js';
export {
  ProcessTextPart,
  ProcessTextRequest,
  ProcessTextResponse,
  processText,
  streamProcessText,
  SummaryType,
  textProcessingContracts,
  TextTask,
} from './text-processing.js';
