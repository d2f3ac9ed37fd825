import { z } from 'zod';
import { CacheOutcome, FinishReason, Usage } from './llm-router.js';

/** The documented defaults of the model service. */
const GenerationSettings = z.object({
  temperature: z.number().min(0).max(2).default(0.8),
  max_tokens: z.number().int().positive().default(500),
  top_p: z.number().min(0).max(1).default(0.9),
  top_k: z.number().int().positive().default(40),
  repeat_penalty: z.number().min(0).max(2).default(1.1),
  stop: z.array(z.string().min(1)).max(16).default(['Human:', 'Assistant:', '\n\n\n']),
});

/** Body of POST /generate. */
export const GenerateRequest = z.object({
  prompt: z
    .string()
    .refine((prompt) => prompt.trim().length > 0, 'must not be empty')
    .meta({ example: 'You are Peter Griffin. Say hello in character.' }),
  /** Who speaks: answers of one character are never given as another's. The prompt itself says who it is. */
  character_name: z.string().min(1).max(128).nullish().meta({ example: 'peter' }),
  settings: GenerationSettings.prefault({}),
  conversation_id: z.string().max(128).nullish().meta({ example: 'channel_123456' }),
  use_cache: z.boolean().default(true),
  model: z.string().min(1).max(128).nullish(),
  user_id: z.string().max(128).nullish(),
  stream: z.boolean().default(false),
});
export type GenerateRequest = z.infer<typeof GenerateRequest>;

const GenerateMetadata = z.object({
  temperature: z.number(),
  tokens_generated: z.number().int(),
  /** SHA-256 of the prompt, the first part of the key under which the answer is kept. */
  prompt_hash: z.string(),
  request_id: z.uuid(),
  conversation_id: z.string().nullable(),
  finish_reason: FinishReason,
  usage: Usage,
});

export const GenerateResponse = z.object({
  response: z.string(),
  model: z.string(),
  /** Seconds. */
  generation_time: z.number(),
  cache_hit: z.boolean(),
  metadata: GenerateMetadata,
});
export type GenerateResponse = z.infer<typeof GenerateResponse>;

/** The events of POST /generate with `"stream": true`. */
export const GenerateEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('start'), request_id: z.uuid(), model: z.string(), cache: CacheOutcome }),
  z.object({ type: z.literal('delta'), delta: z.string() }),
  GenerateResponse.omit({ response: true }).extend({ type: z.literal('end') }),
]);
export type GenerateEvent = z.infer<typeof GenerateEvent>;
