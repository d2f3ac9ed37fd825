import { z } from 'zod';

/** The keywords of JSON Schema that decide what the smallest valid instance looks like; the others are ignored. */
export interface JsonSchema {
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
  definitions?: Record<string, JsonSchema>;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  default?: unknown;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: boolean | JsonSchema;
  items?: JsonSchema;
  prefixItems?: JsonSchema[];
  minItems?: number;
  minLength?: number;
  maxLength?: number;
  format?: string;
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
  exclusiveMaximum?: number;
  multipleOf?: number;
}

export const JsonSchema: z.ZodType<JsonSchema> = z.lazy(() => {
  const schemas = z.record(z.string(), JsonSchema).optional();
  const list = z.array(JsonSchema).min(1).optional();
  const number = z.number().optional();
  const anything = z.boolean().transform(() => ({}));
  const keywords = z.object({
    $ref: z.string().optional(),
    $defs: schemas,
    definitions: schemas,
    type: z.union([z.string(), z.array(z.string()).min(1)]).optional(),
    const: z.unknown().optional(),
    enum: z.array(z.unknown()).min(1).optional(),
    default: z.unknown().optional(),
    anyOf: list,
    oneOf: list,
    allOf: list,
    properties: schemas,
    required: z.array(z.string()).optional(),
    additionalProperties: z.union([z.boolean(), JsonSchema]).optional(),
    items: JsonSchema.optional(),
    prefixItems: list,
    minItems: number,
    minLength: number,
    maxLength: number,
    format: z.string().optional(),
    minimum: number,
    exclusiveMinimum: number,
    maximum: number,
    exclusiveMaximum: number,
    multipleOf: number,
  });
  return z.union([anything, keywords]);
});

// A schema that requires itself has no finite instance.
const depthMax = 32;

const stringsByFormat = new Map([
  ['date-time', '2026-01-01T00:00:00.000Z'],
  ['date', '2026-01-01'],
  ['time', '00:00:00Z'],
  ['email', 'simulated@example.com'],
  ['uri', 'https://example.com/simulated'],
  ['uuid', '00000000-0000-4000-8000-000000000000'],
  ['ipv4', '192.0.2.1'],
]);

/**
 * The smallest instance of a schema, with `sample` as the value of its free strings and, where the schema allows it, with
 * `"simulated": true` at its root. `pattern`, `not`, `if` and `uniqueItems` are not honoured.
 */
export function instanceOf(schema: JsonSchema, sample: string): unknown {
  return build(schema, { root: schema, sample, depth: 0, marked: true });
}

interface Position {
  root: JsonSchema;
  sample: string;
  depth: number;
  /** Whether an object here gets the mark of a simulated answer. */
  marked: boolean;
}

function build(unresolved: JsonSchema, position: Position): unknown {
  if (position.depth > depthMax) return null;
  const at = { ...position, depth: position.depth + 1 };
  const schema = resolve(unresolved, position.root);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  if (schema.default !== undefined) return schema.default;
  const choice = schema.anyOf?.[0] ?? schema.oneOf?.[0];
  if (choice) return build(merge([{ ...schema, anyOf: undefined, oneOf: undefined }, resolve(choice, at.root)]), at);

  switch (typeOf(schema)) {
    case 'object':
      return buildObject(schema, at);
    case 'array':
      return buildArray(schema, at);
    case 'integer':
    case 'number':
      return buildNumber(schema);
    case 'boolean':
      return true;
    case 'null':
      return null;
    default:
      return buildString(schema, at.sample);
  }
}

function buildObject(schema: JsonSchema, at: Position): unknown {
  const { properties = {}, required = [], additionalProperties } = schema;
  const spare = typeof additionalProperties === 'object' ? additionalProperties : {};
  const inside = { ...at, marked: false };
  const members = required.map((name) => [name, build(properties[name] ?? spare, inside)] as const);
  return { ...(at.marked && allowsMark(schema) && { simulated: true }), ...Object.fromEntries(members) };
}

function allowsMark({ properties = {}, additionalProperties = true }: JsonSchema): boolean {
  const declared = properties['simulated'];
  return declared ? declared.type === 'boolean' && declared.enum === undefined : additionalProperties === true;
}

function buildArray({ prefixItems = [], items = {}, minItems = 0 }: JsonSchema, at: Position): unknown[] {
  const inside = { ...at, marked: false };
  return Array.from({ length: Math.max(minItems, prefixItems.length) }, (_, index) =>
    build(prefixItems[index] ?? items, inside),
  );
}

/** The number nearest to 0 that the bounds allow. */
function buildNumber({ type, minimum, exclusiveMinimum, maximum, exclusiveMaximum, multipleOf }: JsonSchema): number {
  const step = multipleOf ?? (type === 'integer' ? 1 : 0);
  const apart = step || 1e-6;
  const least = minimum ?? (exclusiveMinimum === undefined ? -Infinity : exclusiveMinimum + apart);
  const most = maximum ?? (exclusiveMaximum === undefined ? Infinity : exclusiveMaximum - apart);
  const value = Math.min(Math.max(0, least), most);
  return step ? Math.ceil(value / step) * step : value;
}

function buildString({ format, minLength = 0, maxLength = Infinity }: JsonSchema, sample: string): string {
  const value = stringsByFormat.get(format ?? '') ?? sample;
  return Array.from(value).slice(0, maxLength).join('').padEnd(minLength, '.');
}

function typeOf({ type, properties, items, minimum }: JsonSchema): string | undefined {
  if (Array.isArray(type)) return type.find((name) => name !== 'null') ?? 'null';
  if (type !== undefined) return type;
  if (properties) return 'object';
  if (items) return 'array';
  return minimum === undefined ? undefined : 'number';
}

/** Follows local references ("#/$defs/Name") and folds `allOf` into one schema. */
function resolve(schema: JsonSchema, root: JsonSchema, depth = 0): JsonSchema {
  if (depth > depthMax) return {};
  const [, place, name = ''] = /^#\/(\$defs|definitions)\/(.+)$/.exec(schema.$ref ?? '') ?? [];
  const target = schema.$ref === '#' ? root : place === '$defs' ? root.$defs?.[name] : root.definitions?.[name];
  if (schema.$ref !== undefined && target) return resolve(target, root, depth + 1);
  if (!schema.allOf) return schema;
  return merge([{ ...schema, allOf: undefined }, ...schema.allOf.map((part) => resolve(part, root, depth + 1))]);
}

function merge(parts: JsonSchema[]): JsonSchema {
  return parts.reduce((sum, part) => ({
    ...sum,
    ...part,
    type: part.type ?? sum.type,
    properties: sum.properties || part.properties ? { ...sum.properties, ...part.properties } : undefined,
    required: [...(sum.required ?? []), ...(part.required ?? [])],
  }));
}
