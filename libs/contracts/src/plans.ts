import { z } from 'zod';

const microUsd = z
  .string()
  .regex(/^\d{1,15}$/, 'must be a whole number of micro-USD, as text')
  .meta({ example: '20000000' });
const count = z.number().int().nonnegative();

const terms = {
  code: z
    .string()
    .max(64)
    .regex(/^[a-z][a-z0-9_]*$/, 'must be a lower-case word')
    .meta({ example: 'team' }),
  fee_micro_usd: microUsd,
  tokens_per_month: count.meta({ example: 5_000_000 }),
  /** What happens after these tokens: refused, or billed up to the hard cap. */
  tokens_overage: z.enum(['block', 'bill']),
  tokens_hard_cap: count.meta({ example: 50_000_000 }),
  /** The price below, or what the month's tokens cost on average by the prices of their models. */
  overage_pricing: z.enum(['flat', 'list_price']),
  overage_micro_usd_per_million: microUsd,
  calls_per_day: count.meta({ example: 20_000 }),
  requests_per_minute: z.number().int().positive().meta({ example: 600 }),
  concurrent_requests: z.number().int().positive().meta({ example: 40 }),
  max_output_tokens: z.number().int().positive().meta({ example: 8192 }),
};
const { tokens_hard_cap: hardCap } = terms;

/** A version of a plan; never edited. */
export const Plan = z.object({
  object: z.literal('plan'),
  ...terms,
  version: z.number().int(),
  effective_from: z.iso.datetime(),
  /** Of its code, the one that counts now. */
  in_force: z.boolean(),
});
export type Plan = z.infer<typeof Plan>;

export const PlanList = z.object({ object: z.literal('list'), data: z.array(Plan) });
export type PlanList = z.infer<typeof PlanList>;

/** A new plan, or the next version of one; all terms, so that nothing is taken over by mistake. */
export const CreatePlanRequest = z
  .strictObject({
    ...terms,
    fee_micro_usd: microUsd.default('0'),
    overage_pricing: terms.overage_pricing.default('flat'),
    overage_micro_usd_per_million: microUsd.default('0'),
    tokens_hard_cap: hardCap.optional(),
    /** Default: now. Not in the past. */
    effective_from: z.iso.datetime().optional(),
  })
  .refine((plan) => plan.tokens_overage === 'block' || (plan.tokens_hard_cap ?? -1) >= plan.tokens_per_month, {
    path: ['tokens_hard_cap'],
    message: 'must be given with overage "bill", and be at least tokens_per_month',
  });
export type CreatePlanRequest = z.infer<typeof CreatePlanRequest>;

const tokenPrices = z.strictObject({
  /** Micro-USD per million tokens. */
  input: microUsd,
  cached_input: microUsd,
  output: microUsd,
  reasoning: microUsd,
});

/** A version of the price of a model: what the provider takes, and what the customer pays; micro-USD per million tokens. */
export const Price = z.object({
  id: z.string(),
  object: z.literal('price'),
  provider: z.string(),
  model: z.string(),
  cost: tokenPrices,
  charge: tokenPrices,
  effective_from: z.iso.datetime(),
  origin: z.enum(['file', 'admin']),
});
export type Price = z.infer<typeof Price>;

export const PriceList = z.object({
  object: z.literal('list'),
  data: z.array(Price),
  has_more: z.boolean(),
  last_id: z.string().nullable(),
});
export type PriceList = z.infer<typeof PriceList>;

export const CreatePriceRequest = z.strictObject({
  provider: z.string().min(1).max(100).meta({ example: 'maverick' }),
  model: z.string().min(1).max(200).meta({ example: 'llama-4-maverick' }),
  cost: tokenPrices,
  charge: tokenPrices,
  /** Default: now. Not in the past: what has been served is priced already, and re-rated one by one. */
  effective_from: z.iso.datetime().optional(),
});
export type CreatePriceRequest = z.infer<typeof CreatePriceRequest>;

/** States an attempt anew at another version of the price of its model. The same `correction_id` again changes nothing. */
export const RerateRequest = z.strictObject({
  correction_id: z.uuid(),
  call_id: z.uuid(),
  attempt_number: z.number().int().min(1).max(100).default(1),
  price_id: z.string().regex(/^\d{1,18}$/, 'must be the id of a price'),
  reason: z.string().trim().min(1, 'must not be empty').max(500).meta({ example: 'The price list was wrong.' }),
});
export type RerateRequest = z.infer<typeof RerateRequest>;
