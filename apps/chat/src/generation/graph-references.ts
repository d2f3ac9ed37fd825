import type { ChatGraph } from '@tollgate/contracts';

type Kind = 'block' | 'pipeline' | 'model' | 'data_source';

/** The fields of the documented requests that name a node: `block_id`, `source_block_id`, `blocks` and their like. */
const references = /^(?:\w+_)?(block|pipeline|model|data_source)(?:_ids?|s)$/;

/** What a generated object says of nodes that the graph does not have; each with its path. */
export function brokenReferences(value: unknown, graph: ChatGraph): string[] {
  const ids: Record<Kind, ReadonlySet<string>> = {
    block: idsOf(graph.blocks),
    pipeline: idsOf(graph.pipelines),
    model: idsOf(graph.models),
    data_source: idsOf(graph.data_sources),
  };
  const problems: string[] = [];
  visit(value, '', undefined);
  return problems;

  function visit(part: unknown, path: string, kind: Kind | undefined): void {
    if (typeof part === 'string') {
      if (kind && !ids[kind].has(part))
        problems.push(`${path}: there is no ${kind} with the id ${JSON.stringify(part)}`);
    } else if (Array.isArray(part)) {
      for (const [index, item] of part.entries()) visit(item, `${path}/${index}`, kind);
    } else if (typeof part === 'object' && part !== null) {
      for (const [key, field] of Object.entries(part)) visit(field, `${path}/${key}`, kindOf(key));
    }
  }
}

function idsOf(nodes: readonly { id: string }[]): ReadonlySet<string> {
  return new Set(nodes.map(({ id }) => id));
}

function kindOf(field: string): Kind | undefined {
  switch (references.exec(field)?.[1]) {
    case 'block':
      return 'block';
    case 'pipeline':
      return 'pipeline';
    case 'model':
      return 'model';
    case 'data_source':
      return 'data_source';
    default:
      return undefined;
  }
}
