import { z } from 'zod';

const NODES_MAX = 2_000;

const node = {
  id: z.string().min(1).max(128),
  name: z.string().min(1).max(200),
  description: z.string().max(2_000).nullish(),
};

/** The documented request for a block of a pipeline. */
export const BlockApiRequest = z.object({
  block_type: z.string(),
  name: z.string(),
  description: z.string().nullable().optional(),
});

/** The documented request for an edge between two blocks. */
export const EdgeApiRequest = z.object({
  source_block_id: z.guid(),
  target_block_id: z.guid(),
  edge_type: z.string(),
});

/** The documented request for a pipeline of blocks. */
export const PipelineApiRequest = z.object({
  name: z.string(),
  blocks: z.array(z.guid()),
  edges: z.array(EdgeApiRequest),
});

/** Its ends are whatever its client calls its blocks. */
const GraphEdge = z.object({
  source_block_id: z.string(),
  target_block_id: z.string(),
  edge_type: z.string().max(100),
});

/** What a conversation is about: the models, data sources, pipelines and blocks of its user, and how they are joined. */
export const ChatGraph = z
  .object({
    models: z.array(z.object(node)).max(NODES_MAX).default([]),
    data_sources: z
      .array(z.object({ ...node, kind: z.string().max(100).nullish() }))
      .max(NODES_MAX)
      .default([]),
    blocks: z
      .array(z.object({ ...node, block_type: z.string().min(1).max(100) }))
      .max(NODES_MAX)
      .default([]),
    edges: z
      .array(GraphEdge)
      .max(5 * NODES_MAX)
      .default([]),
    pipelines: z
      .array(z.object({ ...node, blocks: z.array(z.string()).max(NODES_MAX) }))
      .max(NODES_MAX)
      .default([]),
  })
  .superRefine((graph, context) => {
    const blocks = new Set(graph.blocks.map(({ id }) => id));
    const check = (id: string, path: (string | number)[]) => {
      if (!blocks.has(id)) context.addIssue({ code: 'custom', message: 'there is no block of this id', path });
    };
    for (const kind of ['models', 'data_sources', 'blocks', 'pipelines'] as const) {
      const seen = new Set<string>();
      for (const [index, { id }] of graph[kind].entries()) {
        if (seen.has(id)) context.addIssue({ code: 'custom', message: 'is there twice', path: [kind, index, 'id'] });
        seen.add(id);
      }
    }
    for (const [index, edge] of graph.edges.entries()) {
      for (const end of ['source_block_id', 'target_block_id'] as const) check(edge[end], ['edges', index, end]);
    }
    for (const [index, pipeline] of graph.pipelines.entries()) {
      for (const [place, id] of pipeline.blocks.entries()) check(id, ['pipelines', index, 'blocks', place]);
    }
  });
export type ChatGraph = z.infer<typeof ChatGraph>;
