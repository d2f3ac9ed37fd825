import { loadYamlFile } from '@tollgate/config';
import { OveragePricing, PlanOverage } from '@tollgate/database';
import { z } from 'zod';

const Plan = z
  .strictObject({
    tokens_per_month: z.number().int().nonnegative(),
    tokens_overage: z.enum(PlanOverage),
    /** With overage `bill`: the tokens of a month at which even that ends. */
    tokens_hard_cap: z.number().int().nonnegative().optional(),
    /** What a whole month costs, whatever is used. */
    fee_micro_usd: z.number().int().nonnegative().default(0),
    /** With overage `bill`: at the price below, or at what the month's tokens cost on average by the price list. */
    overage_pricing: z.enum(OveragePricing).default('flat'),
    /** With overage `bill` and pricing `flat`: for tokens beyond those of the month. */
    overage_micro_usd_per_million: z.number().int().nonnegative().default(0),
    calls_per_day: z.number().int().nonnegative(),
    requests_per_minute: z.number().int().positive(),
    concurrent_requests: z.number().int().positive(),
    max_output_tokens: z.number().int().positive(),
  })
  .refine((plan) => plan.tokens_overage === 'block' || (plan.tokens_hard_cap ?? 0) >= plan.tokens_per_month, {
    path: ['tokens_hard_cap'],
    message: 'must be given with overage "bill", and be at least tokens_per_month',
  });

const PlansFile = z.object({
  plans: z.record(z.string().regex(/^[a-z][a-z0-9_]*$/, 'must be a lower-case word'), Plan),
});
export type PlansFile = z.infer<typeof PlansFile>;
export type PlanTerms = PlansFile['plans'][string];

/** Raises ConfigError with every problem of the file. */
export function loadPlansFile(path: string): PlansFile {
  return loadYamlFile(path, PlansFile, {});
}
