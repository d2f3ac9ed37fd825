import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import type { JsonSchema } from './schema-arbitrary.js';

interface Content {
  content?: Record<string, { schema: JsonSchema }>;
}

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  schema: JsonSchema;
}

interface Operation {
  operationId: string;
  parameters: Parameter[];
  requestBody?: Content;
  responses: Record<string, Content>;
}

interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, JsonSchema> };
}

export interface DescribedRoute {
  id: string;
  method: string;
  path: string;
  parameters: Parameter[];
  body: JsonSchema | undefined;
  /** Media types of a body that is no JSON, such as an uploaded log. */
  textTypes: string[];
  /** Why an answer is none that the document describes; undefined for one that is. */
  problemOf(status: number, contentType: string, body: string): string | undefined;
}

/** The routes of an OpenAPI document, with the checks of their answers. */
export async function describedRoutes(url: string): Promise<DescribedRoute[]> {
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as Document;
  const ajv = new Ajv({ strict: false, allErrors: false });
  addFormats.default(ajv);
  const resolve = (schema: JsonSchema) => resolved(schema, document.components.schemas);
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({
      id: operation.operationId,
      method: method.toUpperCase(),
      path,
      parameters: operation.parameters,
      body: schemaOf(operation.requestBody, resolve),
      textTypes: Object.keys(operation.requestBody?.content ?? {}).filter((type) => type.startsWith('text/')),
      problemOf: problemFinder(operation, (schema) => ajv.compile(forAjv(resolve(schema)))),
    })),
  );
}

type Validate = ((value: unknown) => boolean) & { errors?: unknown };

function problemFinder(
  { responses }: Operation,
  compile: (schema: JsonSchema) => Validate,
): DescribedRoute['problemOf'] {
  const validators = new Map<string, Validate>();
  return (status, contentType, body) => {
    const response = responses[status];
    if (!response) return `status ${status} is not described`;
    const type = contentType.split(';')[0] ?? '';
    if (!response.content || Object.keys(response.content).length === 0)
      return body === '' ? undefined : 'a body is not described';
    const schema = response.content[type]?.schema;
    if (!schema) return `media type "${type}" is not described for ${status}`;
    if (type !== 'application/json' && type !== 'text/event-stream') return undefined;
    const key = `${status} ${type}`;
    const validate = validators.get(key) ?? compile(schema);
    validators.set(key, validate);
    const values = type === 'application/json' ? [JSON.parse(body)] : eventsOf(body);
    if (values === undefined) return 'the stream does not end with [DONE]';
    const wrong = values.find((value) => !validate(value));
    return wrong === undefined
      ? undefined
      : `${JSON.stringify(validate.errors)} in ${JSON.stringify(wrong).slice(0, 500)}`;
  };
}

/** Without an error event at the end; undefined for a stream that was cut. */
function eventsOf(body: string): unknown[] | undefined {
  const data = [...body.matchAll(/^data: (.*)$/gm)].map(([, text = '']) => text);
  if (data.pop() !== '[DONE]') return undefined;
  const events: unknown[] = data.map((text) => JSON.parse(text));
  return events.filter((event) => !(isObject(event) && 'error' in event && 'request_id' in event));
}

function schemaOf(content: Content | undefined, resolve: (schema: JsonSchema) => JsonSchema): JsonSchema | undefined {
  const schema = content?.content?.['application/json']?.schema;
  return schema && resolve(schema);
}

function resolved(schema: JsonSchema, schemas: Record<string, JsonSchema>): JsonSchema {
  const reference: unknown = Reflect.get(schema, '$ref');
  return typeof reference === 'string' ? (schemas[reference.split('/').at(-1) ?? ''] ?? {}) : schema;
}

/** OpenAPI 3.0 as JSON Schema: null as one more choice, and bounds that are excluded as numbers. */
function forAjv(schema: unknown): object {
  if (Array.isArray(schema)) return schema.map((each) => (isObject(each) ? forAjv(each) : each));
  const { nullable, exclusiveMinimum, example: _example, ...rest } = Object(schema);
  const plain = Object.fromEntries(
    Object.entries(rest).map(([name, value]) => [name, isObject(value) && name !== 'enum' ? forAjv(value) : value]),
  );
  const bounded = exclusiveMinimum === true ? { ...plain, exclusiveMinimum: Number(rest.minimum) } : plain;
  return nullable === true ? { anyOf: [bounded, { enum: [null] }] } : bounded;
}

/** Not by instanceof: what fetch parses is of another realm than the tests. */
function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
