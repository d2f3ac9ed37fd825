type Schema = Record<string, unknown>;

/** A schema that refers to itself is inlined so deep, then anything is allowed. */
const INLINED_DEPTH_MAX = 4;
/** References inlined in all: callers write schemas, and one that branches into itself would grow without bound. */
const INLINED_MAX = 500;
/** Keywords that OpenAI's strict mode refuses. */
const refusedWhenStrict = [
  'allOf',
  'oneOf',
  'not',
  'if',
  'then',
  'else',
  'dependentRequired',
  'dependentSchemas',
  'patternProperties',
  'unevaluatedProperties',
  'propertyNames',
  'prefixItems',
  'contains',
];
/** Keywords whose value is JSON of the caller's. */
const valueKeywords = new Set(['enum', 'default', 'examples']);
/** Keywords whose value has schemas by names. */
const mapKeywords = new Set(['properties', 'patternProperties', 'dependentSchemas']);

/**
 * Whether OpenAI's strict mode takes a schema: an object at the root, every object closed and with all its properties
 * required. Others go without `strict`, rather than being changed into something that the caller did not ask for.
 */
export function fitsStrictMode(schema: Schema): boolean {
  return schema['type'] === 'object' && schema['anyOf'] === undefined && isStrict(schema);
}

function isStrict(schema: unknown): boolean {
  if (!isSchema(schema)) return true;
  if (refusedWhenStrict.some((keyword) => keyword in schema)) return false;
  const { properties, required, additionalProperties } = schema;
  if (schema['type'] === 'object' || isSchema(properties)) {
    const names = isSchema(properties) ? Object.keys(properties) : [];
    const isClosed = additionalProperties === false && Array.isArray(required);
    if (!isClosed || !names.every((name) => required.includes(name))) return false;
  }
  return childrenOf(schema).every(isStrict);
}

/** The schemas inside a schema, whatever keyword they stand under. */
function childrenOf({ properties, $defs, definitions, items, anyOf }: Schema): unknown[] {
  const named = [properties, $defs, definitions].flatMap((map) => (isSchema(map) ? Object.values(map) : []));
  return [...named, items, ...(Array.isArray(anyOf) ? anyOf : [])];
}

/**
 * A schema as Ollama's grammars take it: references inlined, `const` as `enum`, a pattern only when it is anchored. Ollama
 * answers 500 or leaves the output unbound on the rest, so the answer must be checked against the original all the same.
 */
export function toGrammarSchema(schema: Schema): Schema {
  const lowered = lower(schema, { root: schema, depth: 0, budget: { inlined: INLINED_MAX } });
  return isSchema(lowered) ? lowered : {};
}

interface Position {
  root: Schema;
  /** References followed to get here. */
  depth: number;
  budget: { inlined: number };
}

function lower(value: unknown, at: Position): unknown {
  if (Array.isArray(value)) return value.map((item) => lower(item, at));
  if (!isSchema(value)) return value;
  const { $ref, $defs: _, definitions: __, const: constant, pattern, ...others } = value;
  const inlined = $ref === undefined ? undefined : inline($ref, at);
  return {
    ...inlined,
    ...Object.fromEntries(Object.entries(others).map(([key, item]) => [key, lowerKeyword(key, item, at)])),
    ...(constant !== undefined && { enum: [constant] }),
    ...(isAnchored(pattern) && { pattern }),
  };
}

/** Names of properties may be those of keywords, and values may look like schemas: neither is one. */
function lowerKeyword(keyword: string, item: unknown, at: Position): unknown {
  if (valueKeywords.has(keyword)) return item;
  if (!mapKeywords.has(keyword) || !isSchema(item)) return lower(item, at);
  return Object.fromEntries(Object.entries(item).map(([name, schema]) => [name, lower(schema, at)]));
}

function inline(reference: unknown, { root, depth, budget }: Position): Schema {
  const target = typeof reference === 'string' ? referenced(reference, root) : undefined;
  budget.inlined -= 1;
  if (!target || depth >= INLINED_DEPTH_MAX || budget.inlined < 0) return {};
  const lowered = lower(target, { root, depth: depth + 1, budget });
  return isSchema(lowered) ? lowered : {};
}

function referenced(reference: string, root: Schema): Schema | undefined {
  if (reference === '#') return root;
  let place: unknown = root;
  for (const segment of reference.replace(/^#\//, '').split('/')) {
    const name = segment.replaceAll('~1', '/').replaceAll('~0', '~');
    place = isSchema(place) && Object.hasOwn(place, name) ? place[name] : undefined;
  }
  return isSchema(place) ? place : undefined;
}

function isAnchored(pattern: unknown): boolean {
  return typeof pattern === 'string' && pattern.startsWith('^') && pattern.endsWith('$');
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
