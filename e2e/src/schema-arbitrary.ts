import fc from 'fast-check';

/** Of OpenAPI 3.0, without references. */
export interface JsonSchema {
  type?: string;
  format?: string;
  pattern?: string;
  enum?: unknown[];
  nullable?: boolean;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: JsonSchema | boolean;
  items?: JsonSchema;
  minItems?: number;
  maxItems?: number;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: boolean;
  example?: unknown;
}

const ITEMS_MAX = 3;
const CHARACTERS_MAX = 60;
const DEPTH_MAX = 2;

/** Strings that have broken a parser or a database somewhere. */
const nasty = fc.constantFrom(
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  '../../etc/passwd',
  "'; DROP TABLE account; --",
  '%00',
  '{{7*7}}',
  '\u202e\u2066',
  'é'.normalize('NFD'),
  '𝕏😀'.repeat(20),
  'x'.repeat(5_000),
  '__proto__',
  'constructor',
  '1e999',
  'NaN',
);

const nastyValue: fc.Arbitrary<unknown> = fc.oneof(
  nasty,
  fc.constantFrom(null, true, 0, -1, 1e308, Number.MAX_SAFE_INTEGER, 0.1, [], {}, [[]], { a: { b: [null] } }),
  fc.jsonValue({ maxDepth: DEPTH_MAX }),
);

/** Values that the schema takes, but for what it cannot say (a field that needs another). */
export function valid(schema: JsonSchema): fc.Arbitrary<unknown> {
  const value = plain(schema);
  return schema.nullable ? fc.oneof({ weight: 4, arbitrary: value }, fc.constant(null)) : value;
}

/** A valid value in which one place is something else. */
export function nearlyValid(schema: JsonSchema): fc.Arbitrary<unknown> {
  return fc.tuple(valid(schema), fc.nat(), nastyValue).map(([value, place, other]) => replaced(value, place, other));
}

export const garbage: fc.Arbitrary<unknown> = nastyValue;

function plain(schema: JsonSchema): fc.Arbitrary<unknown> {
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return fc.oneof(...choices.map(valid));
  switch (schema.type) {
    case 'object':
      return object(schema);
    case 'array':
      return list(schema);
    case 'string':
      return text(schema);
    case 'integer':
    case 'number':
      return number(schema);
    case 'boolean':
      return fc.boolean();
    default:
      return fc.jsonValue({ maxDepth: DEPTH_MAX });
  }
}

function object({ properties, required = [] }: JsonSchema): fc.Arbitrary<unknown> {
  if (!properties)
    return fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 1 }), { maxKeys: ITEMS_MAX });
  const members = Object.entries(properties).map(([name, schema]) => [name, valid(schema)] as const);
  return fc.record(Object.fromEntries(members), { requiredKeys: required });
}

function list({ items = {}, minItems = 0, maxItems = ITEMS_MAX }: JsonSchema): fc.Arbitrary<unknown[]> {
  return fc.array(valid(items), { minLength: minItems, maxLength: Math.max(minItems, Math.min(maxItems, ITEMS_MAX)) });
}

function text({
  format,
  pattern,
  minLength = 0,
  maxLength = CHARACTERS_MAX,
  example,
}: JsonSchema): fc.Arbitrary<string> {
  if (format === 'uuid') return fc.uuid();
  if (format === 'date-time') {
    const between = { min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true };
    return fc.date(between).map((date) => date.toISOString());
  }
  if (format === 'email') return fc.emailAddress();
  if (pattern !== undefined)
    return typeof example === 'string' ? fc.constant(example) : fc.stringMatching(new RegExp(pattern));
  const lengths = { minLength, maxLength: Math.max(minLength, Math.min(maxLength, CHARACTERS_MAX)) };
  const free = fc
    .string({ ...lengths, unit: 'grapheme' })
    .map((value) => value.slice(0, maxLength).padEnd(minLength, 'x'));
  return typeof example === 'string' ? fc.oneof(fc.constant(example), free) : free;
}

function number({ type, minimum = -1_000, maximum = 1_000, exclusiveMinimum }: JsonSchema): fc.Arbitrary<number> {
  if (type === 'integer')
    return fc.integer({ min: Math.ceil(minimum) + (exclusiveMinimum ? 1 : 0), max: Math.max(minimum + 1, maximum) });
  return fc.double({ min: minimum, max: Math.max(minimum, maximum), noNaN: true });
}

/** With the member or element at `place` (of all of them, counted in order) replaced; the value itself when it has none. */
function replaced(value: unknown, place: number, other: unknown): unknown {
  if (typeof value !== 'object' || value === null) return other;
  const keys = Object.keys(value);
  const key = keys[place % (keys.length + 1)];
  if (key === undefined) return Array.isArray(value) ? [...value, other] : { ...value, unknown_field: other };
  if (Array.isArray(value))
    return value.map((each, index) => (String(index) === key ? replaced(each, place >> 3, other) : each));
  return { ...value, [key]: place % 2 === 0 ? other : replaced(Reflect.get(value, key), place >> 3, other) };
}
