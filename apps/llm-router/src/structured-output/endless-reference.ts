type SchemaNode = Record<string, unknown>;

interface SchemaDocument {
  root: SchemaNode;
  anchors: ReadonlyMap<string, SchemaNode>;
}

/** Keywords whose schemas judge the very value that the schema around them judges. */
const sameValue = ['not', 'if', 'then', 'else'];
const sameValueLists = ['allOf', 'anyOf', 'oneOf'];
const sameValueMaps = ['dependentSchemas', 'dependencies'];

/**
 * Whether judging a value can come back to the same schema without having gone into the value: it would never end. A schema
 * that refers to itself by way of `properties` or `items` ends with the value, and is fine.
 */
export function hasEndlessReference(root: SchemaNode): boolean {
  const state = new Map<SchemaNode, 'open' | 'done'>();
  const nodes = allNodes(root);
  const document: SchemaDocument = { root, anchors: anchorsOf(nodes) };
  return nodes.some((node) => closesCircle(node));

  function closesCircle(node: SchemaNode): boolean {
    const known = state.get(node);
    if (known) return known === 'open';
    state.set(node, 'open');
    const isCircle = judgedWith(node, document).some((next) => closesCircle(next));
    state.set(node, 'done');
    return isCircle;
  }
}

function judgedWith(node: SchemaNode, document: SchemaDocument): SchemaNode[] {
  const references = [node['$ref'], node['$dynamicRef']].map((reference) => targetOf(reference, document));
  const lists = sameValueLists.flatMap((keyword) => valuesOf(node[keyword]));
  const maps = sameValueMaps.flatMap((keyword) => valuesOf(node[keyword]));
  return [...references, ...lists, ...maps, ...sameValue.map((keyword) => node[keyword])].filter(isNode);
}

/** Of a reference within the document: a JSON pointer (RFC 6901) or an anchor. */
function targetOf(reference: unknown, { root, anchors }: SchemaDocument): unknown {
  if (typeof reference !== 'string' || !reference.startsWith('#')) return undefined;
  const fragment = decoded(reference.slice(1));
  if (fragment !== '' && !fragment.startsWith('/')) return anchors.get(fragment);
  const steps = fragment.split('/').slice(1);
  return steps.reduce<unknown>((at, step) => {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
    return typeof at === 'object' && at !== null ? Object.getOwnPropertyDescriptor(at, key)?.value : undefined;
  }, root);
}

function decoded(fragment: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return fragment;
  }
}

function allNodes(root: SchemaNode): SchemaNode[] {
  const nodes: SchemaNode[] = [];
  const waiting: unknown[] = [root];
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (isNode(value)) nodes.push(value);
    waiting.push(...valuesOf(value).filter((inner) => typeof inner === 'object' && inner !== null));
  }
  return nodes;
}

function anchorsOf(nodes: readonly SchemaNode[]): Map<string, SchemaNode> {
  const anchors = new Map<string, SchemaNode>();
  for (const node of nodes) {
    for (const name of [node['$anchor'], node['$dynamicAnchor']]) if (typeof name === 'string') anchors.set(name, node);
  }
  return anchors;
}

function valuesOf(value: unknown): unknown[] {
  return typeof value === 'object' && value !== null ? Object.values(value) : [];
}

function isNode(value: unknown): value is SchemaNode {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
