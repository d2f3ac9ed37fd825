import { AppError, SummaryType, TextTask } from '@tollgate/contracts';
import { z } from 'zod';

const count = z.coerce.number().int().nonnegative();

/** What is kept of a text, as the fields of a Redis hash. */
export const TextSession = z.object({
  request_id: z.uuid(),
  user_id: z.string(),
  task: TextTask,
  summary_type: SummaryType,
  target_language: z.string().optional(),
  strategy: z.enum(['single', 'map_reduce']),
  original_text: z.string(),
  current_result: z.string(),
  /** That made the current result. */
  model: z.string(),
  /** That the user asked for, if any. */
  requested_model: z.string().optional(),
  refinement_count: count,
  regeneration_count: count,
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
});
export type TextSession = z.infer<typeof TextSession>;

export type Counter = 'refinement_count' | 'regeneration_count';

/** The same for an id that never was, one that has expired, and one of another account. */
export function sessionNotFound(): AppError {
  return new AppError('not_found', 'Request ID not found or expired.');
}
