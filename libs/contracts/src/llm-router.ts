import { z } from 'zod';
import { request, stream } from './contract.js';

export const ChatMessage = z.object({
  role: z.enum(['system', 'user', 'assistant']),
  content: z.string(),
});
export type ChatMessage = z.infer<typeof ChatMessage>;

/**
 * Where a token count comes from: the provider's own words, our tokenizer over the very text that was sent and received,
 * or a guess made without that text.
 */
export const UsageSource = z.enum(['provider', 'tokenizer', 'estimate']);
export type UsageSource = z.infer<typeof UsageSource>;

export const Usage = z.object({
  /** Prompt tokens, cached ones included. */
  input_tokens: z.number().int().nonnegative(),
  cached_tokens: z.number().int().nonnegative(),
  output_tokens: z.number().int().nonnegative(),
  source: UsageSource,
});
export type Usage = z.infer<typeof Usage>;

export const FinishReason = z.enum(['stop', 'length', 'content_filter']);
export type FinishReason = z.infer<typeof FinishReason>;

export const CompletionRequest = z.object({
  /** What the tokens are for, as it stands in the ledger: `summary`, `chat`, … */
  task: z.string().min(1).max(64),
  messages: z.array(ChatMessage).min(1),
  /** A model of the catalogue; without it the tier's first available one. */
  model: z.string().optional(),
  max_tokens: z.number().int().positive().optional(),
  temperature: z.number().min(0).max(2).optional(),
  response_format: z.enum(['text', 'json']).default('text'),
});
export type CompletionRequest = z.infer<typeof CompletionRequest>;

export const Completion = z.object({
  model: z.string(),
  provider: z.string(),
  content: z.string(),
  finish_reason: FinishReason,
  usage: Usage,
  /** Number of provider calls it took; more than one after a fallback. */
  attempts: z.number().int().positive(),
});
export type Completion = z.infer<typeof Completion>;

export const CompletionPart = z.discriminatedUnion('type', [
  z.object({ type: z.literal('start'), model: z.string(), provider: z.string() }),
  z.object({ type: z.literal('delta'), text: z.string() }),
  z.object({
    type: z.literal('end'),
    model: z.string(),
    provider: z.string(),
    finish_reason: FinishReason,
    usage: Usage,
    attempts: z.number().int().positive(),
  }),
]);
export type CompletionPart = z.infer<typeof CompletionPart>;

export const ModelChoice = z.object({
  model: z.string(),
  provider: z.string(),
  /** Tokens of prompt and answer together. */
  context_length: z.number().int().positive(),
  tokenizer: z.string(),
});
export type ModelChoice = z.infer<typeof ModelChoice>;

/** The model that `complete` would try first for this caller, so that a service can fit its prompt to it. */
export const selectModel = request('llm-router.select-model', {
  input: z.object({ model: z.string().optional() }),
  output: ModelChoice,
  idempotent: true,
});

/** One answer from a model, whole. Billed to the caller; settled in the ledger before it returns. */
export const complete = request('llm-router.complete', { input: CompletionRequest, output: Completion });

/** The same in parts: start, deltas, end. The ledger row is committed before `end`. */
export const streamCompletion = stream('llm-router.stream-completion', {
  input: CompletionRequest,
  part: CompletionPart,
});

export const llmRouterContracts = [selectModel, complete, streamCompletion];
