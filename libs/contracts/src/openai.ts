import { z } from 'zod';
import { CompletionRequest, ToolCall } from './llm-router.js';

// The part of OpenAI's chat completions that Tollgate speaks: https://platform.openai.com/docs/api-reference/chat

const TextPart = z.object({
  type: z.literal('text', 'must be "text": images and sounds are not taken'),
  text: z.string(),
});
const Content = z.union([z.string(), z.array(TextPart)]).transform((content) => textOf(content));
const NullableContent = z
  .union([z.string(), z.array(TextPart)])
  .nullish()
  .transform((content) => textOf(content ?? ''));

const OpenAiMessage = z.discriminatedUnion('role', [
  z.object({ role: z.enum(['system', 'developer', 'user']), content: Content }),
  z.object({ role: z.literal('assistant'), content: NullableContent, tool_calls: z.array(ToolCall).nullish() }),
  z.object({ role: z.literal('tool'), content: Content, tool_call_id: z.string() }),
]);

const shape = CompletionRequest.shape;

/**
 * Body of POST /v1/chat/completions. Fields of OpenAI's that are not here are ignored, except those that would change
 * what the answer means: they are refused.
 */
export const OpenAiChatRequest = z.object({
  /** Without it the model of the caller's tier. */
  model: z.string().min(1).max(128).nullish().meta({ example: 'gemma3:4b' }),
  messages: z
    .array(OpenAiMessage)
    .min(1)
    .max(2_000)
    .meta({ example: [{ role: 'user', content: 'Hello!' }] }),
  max_tokens: z.number().int().positive().nullish(),
  max_completion_tokens: z.number().int().positive().nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  top_k: z.number().int().positive().nullish(),
  stop: z.union([z.string(), z.array(z.string()).max(16)]).nullish(),
  seed: z.number().int().nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  tools: shape.tools.nullable(),
  tool_choice: shape.tool_choice.nullable(),
  response_format: shape.response_format.nullable(),
  n: z.literal(1, 'must be 1').nullish(),
  logprobs: z.literal(false, 'is not supported').nullish(),
  /** Not OpenAI's: may the answer come from the cache? Without it only at a low temperature. */
  use_cache: z.boolean().nullish(),
});
export type OpenAiChatRequest = z.infer<typeof OpenAiChatRequest>;

export const OpenAiUsage = z.object({
  prompt_tokens: z.number().int(),
  completion_tokens: z.number().int(),
  total_tokens: z.number().int(),
  prompt_tokens_details: z.object({ cached_tokens: z.number().int() }),
  completion_tokens_details: z.object({ reasoning_tokens: z.number().int() }),
});
export type OpenAiUsage = z.infer<typeof OpenAiUsage>;

const OpenAiFinishReason = z.enum(['stop', 'length', 'tool_calls', 'content_filter']);

export const OpenAiChatCompletion = z.object({
  id: z.string(),
  object: z.literal('chat.completion'),
  /** Seconds since 1970. */
  created: z.number().int(),
  model: z.string(),
  choices: z.array(
    z.object({
      index: z.literal(0),
      message: z.object({
        role: z.literal('assistant'),
        content: z.string().nullable(),
        refusal: z.null(),
        reasoning_content: z.string().optional(),
        tool_calls: z.array(ToolCall).optional(),
      }),
      logprobs: z.null(),
      finish_reason: OpenAiFinishReason,
    }),
  ),
  usage: OpenAiUsage,
});
export type OpenAiChatCompletion = z.infer<typeof OpenAiChatCompletion>;

export const OpenAiDelta = z.object({
  role: z.literal('assistant').optional(),
  content: z.string().optional(),
  reasoning_content: z.string().optional(),
  tool_calls: z
    .array(
      z.object({
        index: z.number().int(),
        id: z.string().optional(),
        type: z.literal('function').optional(),
        function: z.object({ name: z.string().optional(), arguments: z.string() }),
      }),
    )
    .optional(),
});
export type OpenAiDelta = z.infer<typeof OpenAiDelta>;

export const OpenAiChunk = z.object({
  id: z.string(),
  object: z.literal('chat.completion.chunk'),
  created: z.number().int(),
  model: z.string(),
  /** Empty in the last chunk, which has the usage when `stream_options.include_usage` asks for it. */
  choices: z.array(
    z.object({
      index: z.literal(0),
      delta: OpenAiDelta,
      logprobs: z.null(),
      finish_reason: OpenAiFinishReason.nullable(),
    }),
  ),
  usage: OpenAiUsage.nullable().optional(),
});
export type OpenAiChunk = z.infer<typeof OpenAiChunk>;

export const OpenAiModel = z.object({
  id: z.string(),
  object: z.literal('model'),
  /** Nobody knows: always 0. */
  created: z.number().int(),
  /** The provider. */
  owned_by: z.string(),
});
export type OpenAiModel = z.infer<typeof OpenAiModel>;

export const OpenAiModelList = z.object({ object: z.literal('list'), data: z.array(OpenAiModel) });
export type OpenAiModelList = z.infer<typeof OpenAiModelList>;

function textOf(content: string | { text: string }[]): string {
  return typeof content === 'string' ? content : content.map(({ text }) => text).join('\n');
}
