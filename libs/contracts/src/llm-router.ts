import { z } from 'zod';
import { request, stream } from './contract.js';

/** A call of a function that the model asks for. `arguments` is the JSON text as the model wrote it: it may be invalid. */
export const ToolCall = z.object({
  id: z.string(),
  type: z.literal('function'),
  function: z.object({ name: z.string(), arguments: z.string() }),
});
export type ToolCall = z.infer<typeof ToolCall>;

export const ChatMessage = z.discriminatedUnion('role', [
  z.object({ role: z.enum(['system', 'user']), content: z.string() }),
  z.object({ role: z.literal('assistant'), content: z.string(), tool_calls: z.array(ToolCall).optional() }),
  /** What a called function returned. */
  z.object({ role: z.literal('tool'), content: z.string(), tool_call_id: z.string() }),
]);
export type ChatMessage = z.infer<typeof ChatMessage>;

/** A function that the model may call; `parameters` is the JSON schema of its arguments. */
export const Tool = z.object({
  type: z.literal('function'),
  function: z.object({
    name: z.string().min(1).max(64),
    description: z.string().optional(),
    parameters: z.record(z.string(), z.unknown()).optional(),
    strict: z.boolean().nullish(),
  }),
});
export type Tool = z.infer<typeof Tool>;

export const ToolChoice = z.union([
  z.enum(['none', 'auto', 'required']),
  z.object({ type: z.literal('function'), function: z.object({ name: z.string() }) }),
]);
export type ToolChoice = z.infer<typeof ToolChoice>;

export const ResponseFormat = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text') }),
  /** Any JSON object. */
  z.object({ type: z.literal('json_object') }),
  z.object({
    type: z.literal('json_schema'),
    json_schema: z.object({
      name: z.string().min(1).max(64),
      description: z.string().optional(),
      schema: z.record(z.string(), z.unknown()),
      strict: z.boolean().nullish(),
    }),
  }),
]);
export type ResponseFormat = z.infer<typeof ResponseFormat>;

/** How the next token is drawn; what is left out is the model's own default. */
export const Sampling = z.object({
  temperature: z.number().min(0).max(2).optional(),
  top_p: z.number().min(0).max(1).optional(),
  top_k: z.number().int().positive().optional(),
  /** Above 1 punishes repetition. */
  repeat_penalty: z.number().min(0).max(2).optional(),
  /** Texts at which the model stops; they are not part of the answer. */
  stop: z.array(z.string().min(1)).max(4).optional(),
  seed: z.number().int().optional(),
});
export type Sampling = z.infer<typeof Sampling>;

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
  /** Of the output, what the model thought and did not say; absent when it is none. */
  reasoning_tokens: z.number().int().nonnegative().optional(),
  source: UsageSource,
});
export type Usage = z.infer<typeof Usage>;

const leastTrustworthyFirst: readonly UsageSource[] = ['estimate', 'tokenizer', 'provider'];

/** Of several calls of models for one answer: as trustworthy as the least trustworthy of them. */
export function sumOfUsage(first: Usage | undefined, second: Usage): Usage {
  if (!first) return second;
  const reasoningTokens = (first.reasoning_tokens ?? 0) + (second.reasoning_tokens ?? 0);
  return {
    input_tokens: first.input_tokens + second.input_tokens,
    cached_tokens: first.cached_tokens + second.cached_tokens,
    output_tokens: first.output_tokens + second.output_tokens,
    ...(reasoningTokens > 0 && { reasoning_tokens: reasoningTokens }),
    source: leastTrustworthyFirst.find((source) => source === first.source || source === second.source) ?? 'estimate',
  };
}

export const FinishReason = z.enum(['stop', 'length', 'tool_calls', 'content_filter']);
export type FinishReason = z.infer<typeof FinishReason>;

/** Whether an answer may come out of the response cache, and be kept in it. */
export const CacheOptions = z.object({
  /** Without it: only when the temperature is so low that the model would hardly answer anything else. */
  use: z.boolean().optional(),
  /** Answers in the voice of one character are never given in that of another. */
  character: z.string().max(128).optional(),
});
export type CacheOptions = z.infer<typeof CacheOptions>;

/**
 * Where an answer came from: the cache, a provider call that another request had begun, a provider call of its own, or a
 * provider call that the cache has nothing to do with.
 */
export const CacheOutcome = z.enum(['hit', 'shared', 'miss', 'bypass']);
export type CacheOutcome = z.infer<typeof CacheOutcome>;

/** Only in answers to requests that could be cached, or that say something of the cache. */
export const CacheReport = z.object({
  outcome: CacheOutcome,
  /** SHA-256 of the messages, as it stands in the key of the cache. */
  prompt_hash: z.string(),
});
export type CacheReport = z.infer<typeof CacheReport>;

export const CompletionRequest = z.object({
  /** What the tokens are for, as it stands in the ledger: `summary`, `chat`, … */
  task: z.string().min(1).max(64),
  messages: z.array(ChatMessage).min(1),
  /** A model of the catalogue; without it the tier's first available one. */
  model: z.string().optional(),
  max_tokens: z.number().int().positive().optional(),
  ...Sampling.shape,
  tools: z.array(Tool).max(128).optional(),
  tool_choice: ToolChoice.optional(),
  /** Without it: text. */
  response_format: ResponseFormat.optional(),
  /** How often JSON that does not match is asked for, the first time included; without it three times. */
  tries_max: z.number().int().min(1).max(3).optional(),
  cache: CacheOptions.optional(),
});
export type CompletionRequest = z.infer<typeof CompletionRequest>;

/** Why an attempt at a provider failed; `max_retries_exceeded` is said of the whole request. */
export const FailureCategory = z.enum(['rate_limit', 'api_error', 'timeout', 'unknown_error', 'max_retries_exceeded']);
export type FailureCategory = z.infer<typeof FailureCategory>;

/**
 * Why a model was chosen: the caller asked for it, the tier's cloud model was there, a local one serves the tier, another
 * one failed or cannot take the prompt, or nothing else was there.
 */
export const ChoiceReason = z.enum(['requested', 'tier_cloud', 'tier_local', 'fallback', 'last_resort']);
export type ChoiceReason = z.infer<typeof ChoiceReason>;

export const CompletionMetadata = z.object({
  model_used: z.string(),
  reason: ChoiceReason,
  /** The attempts before the one that served, in their order. */
  failed_attempts: z.array(z.object({ model: z.string(), provider: z.string(), category: FailureCategory })),
});
export type CompletionMetadata = z.infer<typeof CompletionMetadata>;

/** What is known when an answer is complete. */
const CompletionEnd = z.object({
  model: z.string(),
  provider: z.string(),
  finish_reason: FinishReason,
  usage: Usage,
  /** Number of provider calls it took: more than one after a retry or a fallback, none when another request paid for it. */
  attempts: z.number().int().nonnegative(),
  metadata: CompletionMetadata,
  cache: CacheReport.optional(),
});

export const Completion = CompletionEnd.extend({
  content: z.string(),
  /** What the model thought before it answered, where it tells. */
  reasoning: z.string().optional(),
  tool_calls: z.array(ToolCall).optional(),
});
export type Completion = z.infer<typeof Completion>;

export const CompletionPart = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('start'),
    model: z.string(),
    provider: z.string(),
    cache: CacheReport.optional(),
  }),
  z.object({ type: z.literal('delta'), text: z.string() }),
  z.object({ type: z.literal('reasoning'), text: z.string() }),
  /** A piece of the call number `index`: the first one has `id` and `name`, the arguments of all make its JSON text. */
  z.object({
    type: z.literal('tool_call'),
    index: z.number().int().nonnegative(),
    id: z.string().optional(),
    name: z.string().optional(),
    arguments: z.string(),
  }),
  CompletionEnd.extend({ type: z.literal('end') }),
]);
export type CompletionPart = z.infer<typeof CompletionPart>;

export const ModelChoice = z.object({
  model: z.string(),
  provider: z.string(),
  /** Tokens of prompt and answer together. */
  context_length: z.number().int().positive(),
  tokenizer: z.string(),
  /** What the caller's plan allows: tokens of one answer, and requests at once. */
  max_output_tokens: z.number().int().positive().optional(),
  concurrent_requests: z.number().int().positive().optional(),
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

/**
 * Whether a schema can be used, and what is wrong with JSON by it. Raises `invalid_request` for a schema that is none, that
 * breaks the limits on size, depth and references, or that costs too much; `param` is its name there.
 */
export const checkJson = request('llm-router.check-json', {
  input: z.object({
    schema: z.record(z.string(), z.unknown()),
    json: z.string().optional(),
    param: z.string().max(200),
  }),
  output: z.object({ problems: z.array(z.string()), is_final: z.boolean() }),
  idempotent: true,
});

export const llmRouterContracts = [selectModel, complete, streamCompletion, checkJson];
