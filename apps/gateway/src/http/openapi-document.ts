import { errorTable, type ErrorCode } from '@tollgate/contracts';
import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { z } from 'zod';
import { answers, bodyErrors, errorAnswer, reference, requests, serverErrors, tokenErrors } from './openapi.js';
import { examples } from './openapi-examples.js';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;

const methods = ['get', 'put', 'post', 'patch', 'delete'] as const;

/** The OpenAPI document of all routes of the gateway. Needs no provider: the app may be in Nest's preview mode. */
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
      const isNullish = inner instanceof z.ZodNullable;
      const name = names.get(isNullish ? inner.unwrap() : inner);
      return name === undefined
        ? undefined
        : { schema: { ...reference(name), ...(isNullish && { [OPTIONAL]: true }) } };
    },
  });
  for (const path of Object.values(document.paths)) {
    for (const method of methods) if (path[method]) complete(path[method], method);
  }
  return { ...document, components: { ...document.components, schemas: components() } };
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

/** Marks the schema of a body that may be left out, for which Nest's Swagger has no word; {@link complete} takes it away. */
const OPTIONAL = 'x-optional';

/** What is so of every route, and so stands at none. */
function complete(operation: Operation, method: (typeof methods)[number]): void {
  for (const code of commonErrors(operation, method)) {
    const { status } = errorTable[code];
    operation.responses[status] ??= errorAnswer(status, [code]);
  }
  for (const response of Object.values(operation.responses)) {
    if (response && 'description' in response) response.headers = { ...response.headers, ...commonHeaders };
  }
  const body = operation.requestBody && 'content' in operation.requestBody ? operation.requestBody : undefined;
  const schema = body?.content['application/json']?.schema;
  if (body && schema && OPTIONAL in schema) {
    body.required = false;
    delete schema[OPTIONAL];
  }
}

function commonErrors(operation: Operation, method: string): ErrorCode[] {
  return [
    // Also of a query parameter that the route does not know.
    'invalid_request',
    ...(method === 'get' ? [] : bodyErrors),
    ...(operation.security ? [...tokenErrors, 'forbidden' as const] : []),
    ...serverErrors,
  ];
}

const commonHeaders = {
  'x-request-id': { description: 'Finds the request in logs', schema: { type: 'string' as const, format: 'uuid' } },
};

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
