import { z } from 'zod';

const lines = z.array(z.int().min(1)).min(1).max(10);

/** A statement of a model with the lines that show it. */
export const Claim = z.strictObject({ text: z.string().min(1), lines });
export type Claim = z.infer<typeof Claim>;

/** What a model is asked to write of a log; the schema is the same for every task, whatever stands in the log. */
export const ModelNarrative = z.strictObject({
  summary: Claim,
  findings: z.array(Claim).min(1).max(12),
  recommendations: z.array(Claim).max(8),
});
export type ModelNarrative = z.infer<typeof ModelNarrative>;
