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
  GenerateEvent,
  GenerateRequest,
  GenerateResponse,
  LlmHealth,
  LoginRequest,
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
  type ErrorCode,
} from '@tollgate/contracts';
import { applyDecorators, type INestApplication, type Type } from '@nestjs/common';
import {
  ApiOperation,
  ApiQuery,
  ApiResponse,
  ApiTags,
  DocumentBuilder,
  SwaggerModule,
  type OpenAPIObject,
} from '@nestjs/swagger';
import { z } from 'zod';
import { accountingAnswers, accountingRequests } from './accounting-schemas.js';
import { chatAnswers, chatRequests } from '../chat-sessions/chat-schemas.js';
import { ErrorBody } from './error-response.js';
import { examples } from './openapi-examples.js';

/** The shapes that the document names; every other schema stands where it is used. */
const requests = {
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
};
const answers = {
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
  GenerateEvent,
  GenerateResponse,
  LlmHealth,
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

/** Documents what a route answers: one body as JSON, as a stream of events, or both, and its errors. */
export function Answers(route: { status?: number; json?: AnswerName; events?: AnswerName; errors: ErrorCode[] }) {
  const { status = 200, json, events, errors } = route;
  const content = {
    ...(json && { 'application/json': { schema: reference(json) } }),
    ...(events && {
      'text/event-stream': { schema: reference(events), example: 'data: {"type": …}\n\ndata: [DONE]\n' },
    }),
  };
  return applyDecorators(
    ApiResponse({ status, description: json || events ? 'Success' : 'Done', content }),
    ...[...new Set(errors.map((code) => errorTable[code].status))].map((errorStatus) =>
      ApiResponse({
        status: errorStatus,
        description: errors
          .filter((code) => errorTable[code].status === errorStatus)
          .map((code) => `\`${code}\`: ${errorTable[code].meaning}`)
          .join('\n\n'),
        content: { 'application/json': { schema: reference('ErrorBody') } },
      }),
    ),
  );
}

/** A list of which a page is asked for. */
export function Paged(...filters: { name: string; description: string }[]) {
  return applyDecorators(
    ApiQuery({ name: 'limit', required: false, example: 50, description: 'At most 200' }),
    ApiQuery({ name: 'after', required: false, description: '`last_id` of the page before' }),
    ...filters.map((filter) => ApiQuery({ ...filter, required: false })),
  );
}

/** For a controller of a lib, which knows nothing of OpenAPI: its tag, and a summary for each of its methods. */
export function describeRoutes(controller: Type, tag: string, summaries: Record<string, string>): void {
  ApiTags(tag)(controller);
  for (const [method, summary] of Object.entries(summaries)) {
    const descriptor = Object.getOwnPropertyDescriptor(controller.prototype, method);
    if (!descriptor) throw new Error(`${controller.name} has no method ${method}`);
    ApiOperation({ summary })(controller.prototype, method, descriptor);
  }
}

export function createDocument(app: INestApplication): OpenAPIObject {
  const settings = new DocumentBuilder()
    .setTitle('Tollgate')
    .setDescription('Every answer that is not 2xx has the body `ErrorBody`. Streams end with `data: [DONE]`.')
    .setVersion('0.1.0')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' })
    .build();
  const names = new Map<unknown, string>(Object.entries(requests).map(([name, schema]) => [schema, name]));
  const document = SwaggerModule.createDocument(app, settings, {
    operationIdFactory: operationIdOf,
    standardSchemaConverter: (schema) => {
      const inner = schema instanceof z.ZodOptional ? schema.unwrap() : schema;
      const name = names.get(inner instanceof z.ZodNullable ? inner.unwrap() : inner);
      return name === undefined ? undefined : { schema: reference(name) };
    },
  });
  return { ...document, components: { ...document.components, schemas: components() } };
}

function components() {
  return Object.fromEntries([
    ...Object.entries(requests).map(([name, schema]) => [name, shapeOf(name, schema, 'input')]),
    ...Object.entries(answers).map(([name, schema]) => [name, shapeOf(name, schema, 'output')]),
  ]);
}

function shapeOf(name: string, schema: z.ZodType, io: 'input' | 'output') {
  const shape = z.toJSONSchema(schema, {
    target: 'openapi-3.0',
    io,
    // The bounds of every whole number in JavaScript, which pages show as its example.
    override: ({ jsonSchema: { minimum, maximum }, jsonSchema: each }) => {
      if (minimum === Number.MIN_SAFE_INTEGER) delete each.minimum;
      if (maximum === Number.MAX_SAFE_INTEGER) delete each.maximum;
    },
  });
  return { ...shape, example: examples[name] };
}

/**
 * For the names of functions in generated clients: `stream` of `ChatController` is `chatStream`. Swagger numbers the paths
 * of a method that has several, `process[0]` and `process[1]`; these become `…Process` and `…ProcessAlias1`.
 */
export function operationIdOf(controller: string, method: string): string {
  const [, name = method, index = '0'] = /^(\w+)\[(\d+)\]$/.exec(method) ?? [];
  const subject = controller.replace(/Controller$/, '');
  const id = subject.charAt(0).toLowerCase() + subject.slice(1) + name.charAt(0).toUpperCase() + name.slice(1);
  return index === '0' ? id : `${id}Alias${index}`;
}

function reference(name: string) {
  return { $ref: `#/components/schemas/${name}` };
}
