import {
  AdminAccount,
  AdminAccountList,
  AdminUser,
  AnalysisRequest,
  AnalysisResponse,
  ApiKeyList,
  AuditEntryList,
  Batch,
  BatchListing,
  BatchWithResults,
  CacheCleared,
  ChangeAccountRequest,
  ChangeUserRequest,
  ChatEvent,
  ChatRequest,
  ChatResponse,
  CreateApiKeyRequest,
  CreateBatchRequest,
  CreatedApiKey,
  errorTable,
  FeedbackRequest,
  GatewayHealth,
  GatewayMetrics,
  GatewayReadiness,
  GenerateEvent,
  GenerateRequest,
  GenerateResponse,
  JsonWebKeySet,
  LlmHealth,
  LoginRequest,
  LogJob,
  LogJobList,
  LogStats,
  MeResponse,
  ModelListing,
  ModelValidation,
  OpenAiChatCompletion,
  OpenAiChatRequest,
  OpenAiChunk,
  OpenAiModel,
  OpenAiModelList,
  ProcessTextRequest,
  ProcessTextResponse,
  RefineResponse,
  RefundRequest,
  RefreshRequest,
  RegenerateResponse,
  RegisterRequest,
  TextPart,
  TextSessionDeleted,
  TextSessionExtended,
  TextSessionStatus,
  TokenResponse,
  UsagePage,
  ValidateModelRequest,
  WebSocketClientFrame,
  WebSocketTicket,
  type ErrorCode,
} from '@tollgate/contracts';
import { applyDecorators } from '@nestjs/common';
import { ApiHeader, ApiQuery, ApiResponse } from '@nestjs/swagger';
import { accountingAnswers, accountingRequests } from './accounting-schemas.js';
import { chatAnswers, chatRequests } from '../chat-sessions/chat-schemas.js';
import { WebSocketServerFrame } from '../web-socket/server-frame.js';
import { ErrorBody } from './error-response.js';

/** The shapes that the document names; every other schema stands where it is used. */
export const requests = {
  ...chatRequests,
  ...accountingRequests,
  AnalysisRequest,
  ChangeAccountRequest,
  ChangeUserRequest,
  ChatRequest,
  CreateApiKeyRequest,
  CreateBatchRequest,
  FeedbackRequest,
  GenerateRequest,
  LoginRequest,
  OpenAiChatRequest,
  ProcessTextRequest,
  RefreshRequest,
  RefundRequest,
  RegisterRequest,
  ValidateModelRequest,
  WebSocketClientFrame,
};
export const answers = {
  ...chatAnswers,
  ...accountingAnswers,
  AdminAccount,
  AdminAccountList,
  AdminUser,
  AnalysisResponse,
  ApiKeyList,
  AuditEntryList,
  Batch,
  BatchListing,
  BatchWithResults,
  CacheCleared,
  ChatEvent,
  ChatResponse,
  CreatedApiKey,
  ErrorBody,
  GatewayHealth,
  GatewayMetrics,
  GatewayReadiness,
  GenerateEvent,
  GenerateResponse,
  JsonWebKeySet,
  LlmHealth,
  LogJob,
  LogJobList,
  LogStats,
  MeResponse,
  ModelListing,
  ModelValidation,
  OpenAiChatCompletion,
  OpenAiChunk,
  OpenAiModel,
  OpenAiModelList,
  ProcessTextResponse,
  RefineResponse,
  RegenerateResponse,
  TextPart,
  TextSessionDeleted,
  TextSessionExtended,
  TextSessionStatus,
  TokenResponse,
  UsagePage,
  WebSocketServerFrame,
  WebSocketTicket,
};

type AnswerName = keyof typeof answers;

/** What every route may answer. */
export const serverErrors: ErrorCode[] = ['rate_limit_exceeded', 'internal', 'unavailable'];

/** What every route with a body may answer. */
export const bodyErrors: ErrorCode[] = ['invalid_request', 'payload_too_large', 'unsupported_media_type'];

/** What every route that needs an access token may answer. */
export const tokenErrors: ErrorCode[] = ['unauthenticated', 'token_expired'];

/** What every route that asks another service may answer. */
export const serviceErrors: ErrorCode[] = [
  ...tokenErrors,
  'reply_lost',
  'replica_lost',
  'overloaded',
  'shutting_down',
  ...serverErrors,
  'deadline_exceeded',
];

/** What every route that asks a model may answer. */
export const llmErrors: ErrorCode[] = [
  'idempotency_in_progress',
  'idempotency_key_reused',
  'context_length_exceeded',
  ...tokenErrors,
  'insufficient_quota',
  'forbidden',
  'model_not_allowed',
  'model_not_found',
  ...bodyErrors,
  'invalid_structured_output',
  'provider_error',
  'reply_lost',
  'replica_lost',
  'no_model_available',
  'overloaded',
  'shutting_down',
  ...serverErrors,
  'deadline_exceeded',
];

interface Answered {
  status?: number;
  json?: AnswerName;
  events?: AnswerName;
  /** Other media types, each with an example. */
  text?: Record<string, string>;
  errors: ErrorCode[];
}

/** Documents what a route answers: one body as JSON, as a stream of events, as text, or several of these, and its errors. */
export function Answers({ status = 200, json, events, text = {}, errors }: Answered) {
  const content = {
    ...(json && { 'application/json': { schema: reference(json) } }),
    ...(events && {
      'text/event-stream': { schema: reference(events), example: 'data: {"type": …}\n\ndata: [DONE]\n' },
    }),
    ...Object.fromEntries(
      Object.entries(text).map(([type, example]) => [type, { schema: { type: 'string' as const }, example }]),
    ),
  };
  const statuses = [...new Set(errors.map((code) => errorTable[code].status))];
  return applyDecorators(
    ApiResponse({ status, description: Object.keys(content).length > 0 ? 'Success' : 'Done', content }),
    ...statuses.map((errorStatus) => ApiResponse({ status: errorStatus, ...errorAnswer(errorStatus, errors) })),
    ...(errors.includes('idempotency_in_progress') ? [ApiHeader(idempotencyKey)] : []),
  );
}

/** The answer of one status, which several codes may have. */
export function errorAnswer(status: number, codes: readonly ErrorCode[]) {
  return {
    description: codes
      .filter((code) => errorTable[code].status === status)
      .map((code) => `\`${code}\`: ${errorTable[code].meaning}`)
      .join('\n\n'),
    content: { 'application/json': { schema: reference('ErrorBody') } },
  };
}

const uuid = { type: 'string', format: 'uuid' } as const;
const pageSize = { type: 'integer', minimum: 1, maximum: 200, example: 50 } as const;

/** An id, unless it has a schema. */
interface Filter {
  name: string;
  description: string;
  schema?: { type: string; enum?: string[] };
}

/** A list of which a page is asked for. */
export function Paged(...filters: Filter[]) {
  return applyDecorators(
    ApiQuery({ name: 'limit', required: false, schema: pageSize, description: '50 unless given' }),
    ApiQuery({ name: 'after', required: false, schema: uuid, description: '`last_id` of the page before' }),
    ...filters.map((filter) => ApiQuery({ schema: uuid, ...filter, required: false })),
  );
}

export function reference(name: string) {
  return { $ref: `#/components/schemas/${name}` };
}

const idempotencyKey = {
  name: 'Idempotency-Key',
  required: false,
  description: 'The same key with the same body within 24 hours is answered again and not charged again.',
  schema: { type: 'string' as const, minLength: 1, maxLength: 255, pattern: '^[\\x21-\\x7e]+$' },
};
