import { z } from 'zod';
import { ChatMessage, ChoiceReason, FinishReason, Usage } from './llm-router.js';

/** Body of POST /api/v1/llm/chat and /api/v1/llm/chat/stream. */
export const ChatRequest = z.object({
  message: z
    .string()
    .refine((message) => message.trim().length > 0, 'must not be empty')
    .meta({ example: 'Help me analyze these logs for errors' }),
  /** Anything the model should know; given to it as JSON. */
  context: z.record(z.string(), z.unknown()).nullish(),
  conversation_history: z.array(ChatMessage).max(500, 'must have at most 500 messages').nullish(),
  max_tokens: z.number().int().positive().nullish(),
  temperature: z.number().min(0).max(2).default(0.7),
  /** Ask the model for a JSON object; it is returned parsed as `structured_data`. */
  structured_output: z.boolean().default(false),
  model: z.string().min(1).max(128).nullish(),
  user_id: z.string().max(128).nullish(),
});
export type ChatRequest = z.infer<typeof ChatRequest>;

const ChatMetadata = z.object({
  request_id: z.uuid(),
  provider: z.string(),
  finish_reason: FinishReason,
  usage: Usage,
  attempts: z.number().int(),
  /** Why this model answered. */
  reason: ChoiceReason,
  /** No provider was asked for this answer. */
  cache_hit: z.boolean(),
});

export const ChatResponse = z.object({
  message: z.string(),
  model_used: z.string(),
  tokens_used: z.number().int(),
  latency_ms: z.number(),
  /** 1 for an answer that the model finished, 0.5 for one cut at a limit: models report no confidence of their own. */
  confidence_score: z.number(),
  metadata: ChatMetadata,
  structured_data: z.record(z.string(), z.unknown()).nullable(),
});
export type ChatResponse = z.infer<typeof ChatResponse>;

export const ChatEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('start'), request_id: z.uuid(), model_used: z.string() }),
  z.object({ type: z.literal('delta'), delta: z.string() }),
  z.object({
    type: z.literal('end'),
    model_used: z.string(),
    tokens_used: z.number().int(),
    latency_ms: z.number(),
    confidence_score: z.number(),
    finish_reason: FinishReason,
    usage: Usage,
    metadata: ChatMetadata,
  }),
]);
export type ChatEvent = z.infer<typeof ChatEvent>;
