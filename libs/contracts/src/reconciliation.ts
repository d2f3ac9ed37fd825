import { z } from 'zod';

const count = z.number().int();
const microUsd = z.string().meta({ example: '1234' });

/** What a provider says of one model on one day (UTC), beside the ledger; null where its file says nothing. */
const DriftRow = z.object({
  day: z.iso.date(),
  model: z.string(),
  provider_input_tokens: count.nullable(),
  ledger_input_tokens: count,
  provider_cached_tokens: count.nullable(),
  ledger_cached_tokens: count,
  provider_output_tokens: count.nullable(),
  ledger_output_tokens: count,
  provider_requests: count.nullable(),
  ledger_attempts: count,
  provider_cost_micro_usd: microUsd.nullable(),
  ledger_cost_micro_usd: microUsd,
  /** Input and output: the provider's less the ledger's. 0 is right; more than 0 means that we have missed some. */
  drift_tokens: count,
});

/** The import of a provider's usage export. The ledger's side is as it is now: a correction after the import shows. */
export const Reconciliation = z.object({
  id: z.uuid(),
  object: z.literal('reconciliation'),
  provider: z.string(),
  file_name: z.string().nullable(),
  /** SHA-256 of the file, in hexadecimal. The same file again is the same import. */
  file_hash: z.string(),
  bytes: count,
  rows: count,
  first_day: z.iso.date(),
  last_day: z.iso.date(),
  imported_at: z.iso.datetime(),
  /** The sum of the drifts, each without its sign. */
  drift_tokens: count,
  days: z.array(DriftRow),
});
export type Reconciliation = z.infer<typeof Reconciliation>;

export const ReconciliationList = z.object({
  object: z.literal('list'),
  data: z.array(Reconciliation),
  has_more: z.boolean(),
  last_id: z.uuid().nullable(),
});
export type ReconciliationList = z.infer<typeof ReconciliationList>;
