import { z } from 'zod';

const microUsd = z
  .string()
  .meta({ example: '21400000', description: 'Millionths of a US dollar, a whole number; text, for it may be large.' });
const usd = z.string().meta({ example: '21.40', description: 'The same in US dollars.' });
const date = z.iso.date();

export const InvoiceLine = z.object({
  component: z.enum(['fee', 'overage', 'refund', 'adjustment', 'credit_brought', 'credit_carried', 'rounding']),
  /** For a month before the invoice's: something changed after that month's invoice was final. */
  is_late_change: z.boolean(),
  month_start: date,
  description: z.string(),
  starts_at: z.iso.datetime().nullable(),
  ends_at: z.iso.datetime().nullable(),
  plan: z.string().nullable(),
  plan_version: z.number().int().nullable(),
  tokens: z.number().int().nullable(),
  unit_price_micro_usd_per_million: microUsd.nullable(),
  adjustment_id: z.uuid().nullable(),
  amount_micro_usd: microUsd,
  amount: usd,
});
export type InvoiceLine = z.infer<typeof InvoiceLine>;

/** A month of an account. While it is a draft it follows the ledger; final, it never changes. */
export const Invoice = z.object({
  id: z.uuid(),
  object: z.literal('invoice'),
  account_id: z.uuid(),
  /** Null while it is a draft. */
  number: z.string().nullable(),
  status: z.enum(['draft', 'final']),
  currency: z.literal('USD'),
  bill_to: z.string(),
  month_start: date,
  /** Excluded. */
  month_end: date,
  finalize_after: z.iso.datetime(),
  finalized_at: z.iso.datetime().nullable(),
  created_at: z.iso.datetime(),
  /** What is due: the sum of the lines, in whole cents. */
  total_micro_usd: microUsd,
  total: usd,
  lines: z.array(InvoiceLine),
});
export type Invoice = z.infer<typeof Invoice>;

export const InvoiceList = z.object({
  object: z.literal('list'),
  data: z.array(Invoice),
  has_more: z.boolean(),
  /** For `after` of the next request. */
  last_id: z.uuid().nullable(),
});
export type InvoiceList = z.infer<typeof InvoiceList>;

/** A credit (negative) or a charge on the account's next invoice. The same `adjustment_id` again changes nothing. */
export const CreateAdjustmentRequest = z.strictObject({
  adjustment_id: z.uuid(),
  account_id: z.uuid(),
  amount_micro_usd: z
    .string()
    .regex(/^-?[1-9]\d{0,15}$/, 'must be a whole number of micro-USD other than 0, as text')
    .meta({ example: '-5000000' }),
  reason: z
    .string()
    .trim()
    .min(1, 'must not be empty')
    .max(500)
    .meta({ example: 'Credit for the outage of 3 November' }),
});
export type CreateAdjustmentRequest = z.infer<typeof CreateAdjustmentRequest>;

export const Adjustment = z.object({
  id: z.uuid(),
  object: z.literal('adjustment'),
  account_id: z.uuid(),
  amount_micro_usd: microUsd,
  amount: usd,
  reason: z.string(),
  created_at: z.iso.datetime(),
  /** On which it stands; null until the account's month ends. */
  invoice_id: z.uuid().nullable(),
});
export type Adjustment = z.infer<typeof Adjustment>;

export const AdjustmentList = z.object({
  object: z.literal('list'),
  data: z.array(Adjustment),
  has_more: z.boolean(),
  last_id: z.uuid().nullable(),
});
export type AdjustmentList = z.infer<typeof AdjustmentList>;
