import { z } from 'zod';
import { request, stream } from './contract.js';
import { CompletionRequest, FinishReason, Usage } from './llm-router.js';

const PROMPTS_MAX = 1_000;

/** Body of POST /api/v1/llm/batch. Every prompt is asked with the same settings. */
export const CreateBatchRequest = z.object({
  prompts: z
    .array(z.string().refine((prompt) => prompt.trim().length > 0, 'must not be empty'))
    .min(1, 'must have at least 1 prompt')
    .max(PROMPTS_MAX, `must have at most ${PROMPTS_MAX} prompts`)
    .meta({ example: ['What is a gateway?', 'What is a ledger?'] }),
  /** What is said to the model before each prompt. */
  system: z.string().nullish(),
  model: z.string().min(1).max(128).nullish(),
  max_tokens: z.number().int().positive().nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  response_format: CompletionRequest.shape.response_format,
  use_cache: z.boolean().nullish(),
});
export type CreateBatchRequest = z.infer<typeof CreateBatchRequest>;

export const BatchStatus = z.enum(['queued', 'running', 'completed', 'cancelled']);
export type BatchStatus = z.infer<typeof BatchStatus>;

export const Batch = z.object({
  id: z.uuid(),
  object: z.literal('batch'),
  status: BatchStatus,
  model: z.string().nullable(),
  created_at: z.iso.datetime(),
  finished_at: z.iso.datetime().nullable(),
  /** Until when the results are kept: 24 hours after the end, or after the creation while it runs. */
  expires_at: z.iso.datetime(),
  /** How many prompts are where; they add up to `total`. */
  progress: z.object({
    total: z.number().int(),
    pending: z.number().int(),
    completed: z.number().int(),
    failed: z.number().int(),
    cancelled: z.number().int(),
  }),
});
export type Batch = z.infer<typeof Batch>;

/** The answer to one prompt, or why there is none. */
export const BatchResult = z.object({
  /** Of the prompt in the request, from 0. */
  index: z.number().int().nonnegative(),
  status: z.enum(['completed', 'failed', 'cancelled']),
  response: z.string().nullable(),
  model: z.string().nullable(),
  finish_reason: FinishReason.nullable(),
  usage: Usage.nullable(),
  cache_hit: z.boolean(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
});
export type BatchResult = z.infer<typeof BatchResult>;

/** Body of GET /api/v1/llm/batch/{id}: the results that are there, in the order of their prompts. */
export const BatchWithResults = Batch.extend({ results: z.array(BatchResult) });
export type BatchWithResults = z.infer<typeof BatchWithResults>;

/** Body of GET /api/v1/llm/batch, newest first. */
export const BatchListing = z.object({ object: z.literal('list'), data: z.array(Batch) });
export type BatchListing = z.infer<typeof BatchListing>;

/** Which results of a batch. */
export const BatchPage = z.object({
  offset: z.coerce.number().int().min(0).max(PROMPTS_MAX).default(0),
  limit: z.coerce.number().int().min(1).max(PROMPTS_MAX).default(PROMPTS_MAX),
});
export type BatchPage = z.infer<typeof BatchPage>;

const BatchId = z.object({ id: z.uuid() });

/** Durable when it returns: from then on the prompts are asked, whatever is restarted. */
export const createBatch = request('llm-router.create-batch', { input: CreateBatchRequest, output: Batch });

/** Raises `not_found` for those of other accounts, too; so do the next ones. */
export const getBatch = request('llm-router.get-batch', { input: BatchId, output: Batch, idempotent: true });

/** The results with indexes from `offset` to `offset + limit`. */
export const readBatchResults = stream('llm-router.read-batch-results', {
  input: BatchId.extend(BatchPage.shape),
  part: BatchResult,
});

export const listBatches = request('llm-router.list-batches', {
  input: z.object({}),
  output: BatchListing,
  idempotent: true,
});

/** What is being asked is stopped, what has not been asked never is. Cancelling again changes nothing. */
export const cancelBatch = request('llm-router.cancel-batch', { input: BatchId, output: Batch, idempotent: true });

export const llmBatchContracts = [createBatch, getBatch, readBatchResults, listBatches, cancelBatch];
