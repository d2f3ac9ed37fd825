import { z } from 'zod';
import { Tool, ToolChoice } from './llm-router.js';

const FUNCTIONS_MAX = 64;
const RESULT_CHARACTERS_MAX = 100_000;

/** A function that the model may call in a session: the name or id of a registered schema, or one as OpenAI's clients give it. */
export const ChatFunction = z.union([z.string().min(1).max(64), Tool]);
export type ChatFunction = z.infer<typeof ChatFunction>;

/** Of one message. A message with results goes on with those of the message that led to the calls, unless it brings its own. */
export const functionSettings = {
  tools: z
    .array(ChatFunction)
    .max(FUNCTIONS_MAX)
    .nullish()
    .meta({ example: ['EdgeAPIRequest'] }),
  tool_choice: ToolChoice.nullish().meta({ example: 'auto' }),
};

/** What a called function gave, for the model to go on with. */
export const ChatToolResult = z.object({
  tool_call_id: z.string().min(1).max(128),
  content: z
    .string()
    .max(RESULT_CHARACTERS_MAX)
    .refine((value) => !value.includes('\0'), 'must not contain NUL characters'),
});
export type ChatToolResult = z.infer<typeof ChatToolResult>;

/** One for each call of the answer before, in any order. */
export const ChatToolResults = z
  .array(ChatToolResult)
  .min(1)
  .max(FUNCTIONS_MAX)
  .meta({ example: [{ tool_call_id: 'call_019a9f3e5d0c7a589d0f4c5c0f6f2a11', content: '{"created": true}' }] });
