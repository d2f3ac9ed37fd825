/** A schema and what it is about. */
export interface CorpusSchema {
  name: string;
  schema: Record<string, unknown>;
}

const text = { type: 'string' };
const object = (properties: Record<string, unknown>, more: Record<string, unknown> = {}) => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
  ...more,
});

/** Those that a generator would not think of. */
const handwritten: Record<string, Record<string, unknown>> = {
  'a tree': object({ name: text, children: { type: 'array', items: { $ref: '#' } } }),
  'a list by definitions': {
    $ref: '#/$defs/node',
    $defs: { node: object({ value: text, next: { anyOf: [{ type: 'null' }, { $ref: '#/$defs/node' }] } }) },
  },
  'two that refer to each other': {
    $ref: '#/$defs/a',
    $defs: {
      a: object({ b: { type: 'array', items: { $ref: '#/$defs/b' } } }),
      b: object({ a: { type: 'array', items: { $ref: '#/$defs/a' } } }),
    },
  },
  'an anchor': object({ a: { $ref: '#word' } }, { $defs: { w: { $anchor: 'word', ...text } } }),
  'a pointer with escapes': object({ a: { $ref: '#/$defs/x~1y' } }, { $defs: { 'x/y': text } }),
  'a tagged union': {
    oneOf: [
      object({ kind: { const: 'circle' }, radius: { type: 'number', exclusiveMinimum: 0 } }),
      object({ kind: { const: 'square' }, side: { type: 'number', exclusiveMinimum: 0 } }),
    ],
  },
  'one of a union, not both': object({ id: { oneOf: [{ type: 'integer' }, { type: 'string' }] } }),
  'all of several': {
    allOf: [{ type: 'object', required: ['a'], properties: { a: text } }, { properties: { b: text } }],
  },
  'a tuple': object({ pair: { type: 'array', prefixItems: [{ type: 'integer' }, text], items: false, minItems: 2 } }),
  'items that differ': object({ tags: { type: 'array', items: { type: 'integer' }, uniqueItems: true } }),
  'an item that must be there': object({ list: { type: 'array', contains: { const: 'x' }, minItems: 1 } }),
  'keys by pattern': { type: 'object', patternProperties: { '^x-': { type: 'integer' } }, additionalProperties: false },
  'names of keys': { type: 'object', propertyNames: { maxLength: 9 } },
  'a map': object({ counts: { type: 'object', additionalProperties: { type: 'integer' } } }),
  'one key that needs another': object({ a: text }, { dependentRequired: { a: ['a'] } }),
  'a schema that comes with a key': object({ a: text }, { dependentSchemas: { a: { required: ['a'] } } }),
  'a condition': object({ a: { type: 'boolean' } }, JSON.parse('{"if":{"required":["z"]},"then":{"required":["y"]}}')),
  'a negation': object({ a: { type: 'integer', not: { const: 13 } } }),
  'nothing unevaluated': { ...object({ a: text }), additionalProperties: undefined, unevaluatedProperties: false },
  'an older draft': { $schema: 'http://json-schema.org/draft-07/schema#', ...object({ a: { type: 'integer' } }) },
  'mixed values': object({ a: { enum: [null, 1, 'one', [1], { one: 1 }] } }),
  'a fixed object': object({ a: { const: { deep: [1, 2, { three: null }] } } }),
  'a pattern': object({ code: { type: 'string', pattern: '^[A-Z]{3}-\\d{4}$' } }),
  'every format': object({
    at: { type: 'string', format: 'date-time' },
    on: { type: 'string', format: 'date' },
    mail: { type: 'string', format: 'email' },
    link: { type: 'string', format: 'uri' },
    id: { type: 'string', format: 'uuid' },
    host: { type: 'string', format: 'ipv4' },
  }),
  'steps and bounds': object({
    a: { type: 'number', multipleOf: 0.5, minimum: 2 },
    b: { type: 'integer', maximum: -3 },
  }),
  'nothing but null': object({ a: { type: 'null' } }),
  'keys of keywords': object({ $ref: text, type: text, properties: text, const: text }),
  'keys in other scripts': object({ имя: text, 名前: text, '🙂': { type: 'boolean' } }),
  'dangerous keys': object({ constructor: text, toString: text, hasOwnProperty: { type: 'boolean' } }),
  'an array at the root': { type: 'array', items: object({ a: text }), minItems: 2, maxItems: 4 },
  'almost anything': {},
  'a long way down': nested(20),
};

/** Always the same: `generated` of a seeded generator, and the handwritten ones. */
export function schemaCorpus(generated: number): CorpusSchema[] {
  const random = randomOf(20_261_121);
  const byHand = Object.entries(handwritten).map(([name, schema]) => ({ name, schema: withoutUndefined(schema) }));
  const bySeed = Array.from({ length: generated }, (_, index) => ({
    name: `generated ${index}`,
    schema: generatedSchema(random),
  }));
  return [...byHand, ...bySeed];
}

function generatedSchema(random: Random): Record<string, unknown> {
  const names = ['alpha', 'beta', 'gamma'].slice(0, random(4));
  const $defs = Object.fromEntries(names.map((name) => [name, valueSchema(random, 2, [])]));
  return { ...objectSchema(random, 4, names), ...(names.length > 0 && { $defs }) };
}

function valueSchema(random: Random, depth: number, definitions: readonly string[]): Record<string, unknown> {
  const leaves = [stringSchema, numberSchema, choiceSchema, () => ({ type: 'boolean' }), () => ({ type: 'null' })];
  const branches = [objectSchema, arraySchema, unionSchema, referenceSchema];
  const kinds = depth > 0 ? [...leaves, ...branches, ...branches] : leaves;
  return kinds[random(kinds.length)]?.(random, depth - 1, definitions) ?? {};
}

function objectSchema(random: Random, depth: number, definitions: readonly string[]): Record<string, unknown> {
  const names = Array.from({ length: 1 + random(5) }, (_, index) => `field_${index}`);
  return {
    type: 'object',
    properties: Object.fromEntries(names.map((name) => [name, valueSchema(random, depth, definitions)])),
    required: names.filter(() => random(4) > 0),
    ...(random(3) > 0 && { additionalProperties: false }),
  };
}

function arraySchema(random: Random, depth: number, definitions: readonly string[]): Record<string, unknown> {
  const minItems = random(4);
  const items = valueSchema(random, depth, definitions);
  return { type: 'array', items, minItems, ...(random(2) === 0 && { maxItems: minItems + random(4) }) };
}

function unionSchema(random: Random, depth: number, definitions: readonly string[]): Record<string, unknown> {
  const options = Array.from({ length: 2 + random(2) }, () => valueSchema(random, depth, definitions));
  return random(3) === 0 ? { anyOf: [...options, { type: 'null' }] } : { anyOf: options };
}

function referenceSchema(random: Random, depth: number, definitions: readonly string[]): Record<string, unknown> {
  const name = definitions[random(definitions.length || 1)];
  return name === undefined ? objectSchema(random, depth, []) : { $ref: `#/$defs/${name}` };
}

function stringSchema(random: Random): Record<string, unknown> {
  const formats = ['date-time', 'date', 'email', 'uri', 'uuid', 'ipv4'];
  if (random(3) === 0) return { type: 'string', format: formats[random(formats.length)] };
  const minLength = random(5);
  return { type: 'string', minLength, ...(random(2) === 0 && { maxLength: minLength + 1 + random(30) }) };
}

function numberSchema(random: Random): Record<string, unknown> {
  const minimum = random(200) - 100;
  return { type: random(2) === 0 ? 'integer' : 'number', minimum, maximum: minimum + 10 + random(1_000) };
}

function choiceSchema(random: Random): Record<string, unknown> {
  const values: unknown[] = ['red', 'green', 7, true, null, -1.5];
  return random(4) === 0 ? { const: values[random(values.length)] } : { enum: values.slice(random(3)) };
}

function nested(levels: number): Record<string, unknown> {
  return levels === 0 ? text : object({ inner: levels % 2 === 0 ? nested(levels - 2) : text });
}

function withoutUndefined(schema: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(schema).filter(([, value]) => value !== undefined));
}

/** An integer from 0 up to and without `below`. */
type Random = (below: number) => number;

/** A linear congruential generator with the constants of Numerical Recipes: enough to be various, and always the same. */
function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
