import { BlockApiRequest, EdgeApiRequest, PipelineApiRequest, type RegisteredChatSchema } from '@tollgate/contracts';
import { z } from 'zod';

const CREATED_AT = '2026-11-21T00:00:00.000Z';

/** The documented requests of the graph's own APIs: every account has them as version 1 of their names. */
export const builtInSchemas: readonly RegisteredChatSchema[] = [
  builtIn('b1000000-0000-4000-8000-000000000001', 'BlockAPIRequest', 'A block of a pipeline', BlockApiRequest),
  builtIn('b1000000-0000-4000-8000-000000000002', 'EdgeAPIRequest', 'An edge between two blocks', EdgeApiRequest),
  builtIn(
    'b1000000-0000-4000-8000-000000000003',
    'PipelineAPIRequest',
    'A pipeline of blocks and the edges between them',
    PipelineApiRequest,
  ),
];

function builtIn(schema_id: string, name: string, description: string, shape: z.ZodType): RegisteredChatSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(shape);
  return { schema_id, name, version: 1, description, target: null, schema, built_in: true, created_at: CREATED_AT };
}
