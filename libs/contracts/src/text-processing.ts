import { z } from 'zod';
import { request, stream } from './contract.js';
import { FinishReason, Usage } from './llm-router.js';

export const TextTask = z.enum(['summary', 'translate', 'rephrase', 'remove_repetitions']);
export type TextTask = z.infer<typeof TextTask>;

export const SummaryType = z.enum(['brief', 'detailed', 'bulletwise']);
export type SummaryType = z.infer<typeof SummaryType>;

export const ProcessTextRequest = z
  .object({
    text: z
      .string()
      .refine((text) => text.trim().length > 0, 'must not be empty')
      .meta({
        example: 'Tollgate stands between a frontend and its models. It meters every token. It bills each one once.',
      }),
    task: TextTask,
    /** Only for `summary`. */
    summary_type: SummaryType.default('brief'),
    /** Needed for `translate`: any language, in words. */
    target_language: z.string().trim().min(1, 'must not be empty').max(64).optional().meta({ example: 'Spanish' }),
    model: z.string().min(1).max(128).optional().meta({ example: 'gemma3:4b' }),
    /** The caller's own id; another one is refused. */
    user_id: z.string().max(128).optional(),
    stream: z.boolean().default(false),
  })
  .refine((body) => body.task !== 'translate' || body.target_language !== undefined, {
    path: ['target_language'],
    message: 'is required for the task "translate"',
  });
export type ProcessTextRequest = z.infer<typeof ProcessTextRequest>;

export const ProcessTextResponse = z.object({
  request_id: z.uuid(),
  task: TextTask,
  model: z.string(),
  output: z.string(),
  user_id: z.string(),
  finish_reason: FinishReason,
  usage: Usage,
});
export type ProcessTextResponse = z.infer<typeof ProcessTextResponse>;

export const ProcessTextPart = z.discriminatedUnion('type', [
  z.object({ type: z.literal('start'), request_id: z.uuid(), task: TextTask, model: z.string(), user_id: z.string() }),
  z.object({ type: z.literal('delta'), delta: z.string() }),
  z.object({
    type: z.literal('end'),
    request_id: z.uuid(),
    task: TextTask,
    model: z.string(),
    user_id: z.string(),
    finish_reason: FinishReason,
    usage: Usage,
  }),
]);
export type ProcessTextPart = z.infer<typeof ProcessTextPart>;

/** Runs one of the four tasks over a text. */
export const processText = request('text-processing.process-text', {
  input: ProcessTextRequest,
  output: ProcessTextResponse,
});

/** The same, as the model writes it. */
export const streamProcessText = stream('text-processing.stream-process-text', {
  input: ProcessTextRequest,
  part: ProcessTextPart,
});

export const textProcessingContracts = [processText, streamProcessText];
