import { z } from 'zod';

const microUsd = z
  .string()
  .meta({ example: '1234', description: 'Millionths of a US dollar; text, for it may be large.' });

/** Sums of one bucket and group. A name is null when the query does not group by it; corrections may make sums negative. */
export const UsageResult = z.object({
  object: z.literal('usage.result'),
  user: z.string().nullable(),
  account: z.string().nullable(),
  tier: z.string().nullable(),
  model: z.string().nullable(),
  provider: z.string().nullable(),
  task: z.string().nullable(),
  attempts: z.number().int(),
  failed_attempts: z.number().int(),
  cache_hits: z.number().int(),
  input_tokens: z.number().int(),
  cached_tokens: z.number().int(),
  output_tokens: z.number().int(),
  reasoning_tokens: z.number().int(),
  /** Of input and output: what uses up the month. */
  counted_tokens: z.number().int(),
  charge_micro_usd: microUsd,
  /** What it cost us; for admins alone. */
  provider_cost_micro_usd: microUsd.optional(),
});
export type UsageResult = z.infer<typeof UsageResult>;

/** `end_time` is excluded; both are Unix seconds. */
export const UsageBucket = z.object({
  object: z.literal('bucket'),
  start_time: z.number().int(),
  end_time: z.number().int(),
  results: z.array(UsageResult),
});
export type UsageBucket = z.infer<typeof UsageBucket>;

export const UsagePage = z.object({
  object: z.literal('page'),
  data: z.array(UsageBucket),
  has_more: z.boolean(),
  /** For `page` of the next request. */
  next_page: z.string().nullable(),
});
export type UsagePage = z.infer<typeof UsagePage>;
