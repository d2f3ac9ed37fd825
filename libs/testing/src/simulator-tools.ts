import { z } from 'zod';
import { instanceOf, JsonSchema } from './simulator-json.js';

/** A tool as both APIs take it. */
export const SimulatedTool = z.object({
  type: z.literal('function'),
  function: z.object({
    name: z.string(),
    description: z.string().optional(),
    parameters: JsonSchema.optional(),
  }),
});
export type SimulatedTool = z.infer<typeof SimulatedTool>;

export interface SimulatedToolCall {
  name: string;
  arguments: unknown;
}

/**
 * A question is answered by a call of the first tool, or of as many as it asks for (SIMULATE_TOOL_CALLS=2); the results of
 * calls are answered by a text. Arguments are the smallest that the tool's schema allows.
 */
export function toolCallsFor(
  tools: readonly SimulatedTool[],
  messages: readonly { role: string; content: string }[],
  sample: string,
): SimulatedToolCall[] {
  const last = messages.at(-1);
  if (last?.role !== 'user') return [];
  const calls = Number(/SIMULATE_TOOL_CALLS=(\d)/.exec(last.content)?.[1] ?? 1);
  return tools.slice(0, calls).map(({ function: { name, parameters = { type: 'object' } } }) => ({
    name,
    arguments: instanceOf(parameters, sample),
  }));
}
