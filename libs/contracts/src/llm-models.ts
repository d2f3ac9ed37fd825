import { z } from 'zod';
import { request } from './contract.js';

export const ListedModel = z.object({
  id: z.string(),
  provider: z.string(),
  location: z.enum(['local', 'cloud']),
  /** Tokens of prompt and answer together. */
  context_length: z.number().int().positive(),
  tiers: z.array(z.string()),
  /** Its provider answers and has it. */
  available: z.boolean(),
  /** The caller's tier includes it. */
  allowed: z.boolean(),
});
export type ListedModel = z.infer<typeof ListedModel>;

/** Body of GET /api/v1/llm/models. */
export const ModelListing = z.object({ default_model: z.string(), models: z.array(ListedModel) });
export type ModelListing = z.infer<typeof ModelListing>;

export const listModels = request('llm-router.list-models', {
  input: z.object({}),
  output: ModelListing,
  idempotent: true,
});

export const ConnectionStatus = z.enum(['connected', 'disconnected']);
export type ConnectionStatus = z.infer<typeof ConnectionStatus>;

export const CacheStatistics = z.object({
  status: ConnectionStatus,
  /** Answers kept now; 0 while the cache is away. */
  entries: z.number().int().nonnegative(),
  /** Since the cache is empty of counters: over all replicas, restarts included. */
  hits: z.number().int().nonnegative(),
  shared: z.number().int().nonnegative(),
  misses: z.number().int().nonnegative(),
});
export type CacheStatistics = z.infer<typeof CacheStatistics>;

/** Body of GET /api/v1/llm/health. */
export const LlmHealth = z.object({
  /** healthy: every model can be asked; degraded: some; unhealthy: none. */
  status: z.enum(['healthy', 'degraded', 'unhealthy']),
  ollama_status: ConnectionStatus,
  /** The default model. */
  model: z.string(),
  models_available: z.array(z.string()),
  cache: CacheStatistics,
});
export type LlmHealth = z.infer<typeof LlmHealth>;

/** What a replica of llm-router sees; asks no provider, so it answers at once. */
export const describeLlmHealth = request('llm-router.describe-health', {
  input: z.object({}),
  output: LlmHealth,
  idempotent: true,
});

export const ValidateModelRequest = z.object({
  /** Without it the default model. */
  model: z.string().min(1).max(128).nullish().meta({ example: 'gemma3:4b' }),
});
export type ValidateModelRequest = z.infer<typeof ValidateModelRequest>;

/** Body of POST /validate-model. The figures are null when the model is not available. */
export const ModelValidation = z.object({
  model_available: z.boolean(),
  model_name: z.string(),
  /** As the provider tells it, such as "4.7GB"; null where it tells none. */
  model_size: z.string().nullable(),
  /** 0 to 100: 70 for 50 tokens per second and more, 30 for a first token within half a second, less in proportion. */
  performance_score: z.number(),
  last_validation: z.iso.datetime(),
  tokens_per_second: z.number().nullable(),
  time_to_first_token_ms: z.number().nullable(),
  /** Why it is not available. */
  problem: z.string().optional(),
});
export type ModelValidation = z.infer<typeof ModelValidation>;

/** Asks the model for a short answer and measures it. Billed to the caller like every other. */
export const validateModel = request('llm-router.validate-model', {
  input: ValidateModelRequest,
  output: ModelValidation,
});

export const CacheCleared = z.object({ cleared: z.number().int().nonnegative() });
export type CacheCleared = z.infer<typeof CacheCleared>;

/** Forgets the answers of the caller's account, or of all accounts (admins only). */
export const clearCache = request('llm-router.clear-cache', {
  input: z.object({ all_accounts: z.boolean() }),
  output: CacheCleared,
  idempotent: true,
});

export const llmModelContracts = [listModels, describeLlmHealth, validateModel, clearCache];
