import {
  ChatEvent,
  ChatRequest,
  ChatResponse,
  errorTable,
  LoginRequest,
  MeResponse,
  ProcessTextPart,
  ProcessTextRequest,
  ProcessTextResponse,
  RefreshRequest,
  RegisterRequest,
  TokenResponse,
  type ErrorCode,
} from '@tollgate/contracts';
import { applyDecorators, type INestApplication } from '@nestjs/common';
import { ApiResponse, DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { z } from 'zod';
import { ErrorBody } from './error-response.js';

/** The shapes that the document names; every other schema stands where it is used. */
const requests = { ChatRequest, LoginRequest, ProcessTextRequest, RefreshRequest, RegisterRequest };
const answers = { ChatEvent, ChatResponse, ErrorBody, MeResponse, ProcessTextPart, ProcessTextResponse, TokenResponse };

type AnswerName = keyof typeof answers;

/** What every route that asks a model may answer. */
export const llmErrors: ErrorCode[] = [
  'invalid_request',
  'context_length_exceeded',
  'unauthenticated',
  'token_expired',
  'forbidden',
  'model_not_allowed',
  'model_not_found',
  'payload_too_large',
  'unsupported_media_type',
  'provider_error',
  'no_model_available',
  'overloaded',
  'unavailable',
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

export function createDocument(app: INestApplication): OpenAPIObject {
  const settings = new DocumentBuilder()
    .setTitle('Tollgate')
    .setDescription('Every answer that is not 2xx has the body `ErrorBody`. Streams end with `data: [DONE]`.')
    .setVersion('0.1.0')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' })
    .build();
  const names = new Map<unknown, string>(Object.entries(requests).map(([name, schema]) => [schema, name]));
  const document = SwaggerModule.createDocument(app, settings, {
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
    ...Object.entries(requests).map(([name, schema]) => [name, jsonSchema(schema, 'input')]),
    ...Object.entries(answers).map(([name, schema]) => [name, jsonSchema(schema, 'output')]),
  ]);
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output') {
  return z.toJSONSchema(schema, { target: 'openapi-3.0', io });
}

function reference(name: string) {
  return { $ref: `#/components/schemas/${name}` };
}
