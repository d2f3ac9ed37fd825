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
    /** What to do with a text that is longer than the model's context: refuse it, or work on it in parts. */
    strategy: z.enum(['single', 'map_reduce']).default('single'),
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

const UserFeedback = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(8_192)
  .meta({ example: 'Make it shorter and add bullet points' });

/** Of a refinement or a regeneration. */
export const FeedbackRequest = z.object({
  user_feedback: UserFeedback,
  /** The caller's own id; another one is refused. */
  user_id: z.string().max(128).optional(),
  stream: z.boolean().default(false),
});
export type FeedbackRequest = z.infer<typeof FeedbackRequest>;

const TextAnswer = ProcessTextResponse.omit({ output: true });

export const RefineResponse = TextAnswer.extend({
  refined_output: z.string(),
  refinement_count: z.number().int().positive(),
});
export type RefineResponse = z.infer<typeof RefineResponse>;

export const RegenerateResponse = TextAnswer.extend({
  regenerated_output: z.string(),
  regeneration_count: z.number().int().positive(),
});
export type RegenerateResponse = z.infer<typeof RegenerateResponse>;

const TextIdentity = z.object({ request_id: z.uuid(), task: TextTask, user_id: z.string() });

/** An event of a streamed text: `start`, perhaps `progress`, `delta`s whose texts make the output, `end`. */
export const TextPart = z.discriminatedUnion('type', [
  TextIdentity.extend({ type: z.literal('start'), model: z.string() }),
  /** Only with `strategy: "map_reduce"`: how many parts of the text have been worked on. */
  z.object({
    type: z.literal('progress'),
    stage: z.enum(['map', 'reduce']),
    done: z.number().int(),
    total: z.number().int(),
  }),
  z.object({ type: z.literal('delta'), delta: z.string() }),
  TextIdentity.extend({
    type: z.literal('end'),
    model: z.string(),
    finish_reason: FinishReason,
    usage: Usage,
    /** Of a refinement. */
    refinement_count: z.number().int().positive().optional(),
    /** Of a regeneration. */
    regeneration_count: z.number().int().positive().optional(),
  }),
]);
export type TextPart = z.infer<typeof TextPart>;

/** What is kept of a text for two hours, so that its result can be refined or made anew. */
export const TextSessionStatus = z.object({
  request_id: z.uuid(),
  task: TextTask,
  model: z.string(),
  current_output: z.string(),
  refinement_count: z.number().int().nonnegative(),
  regeneration_count: z.number().int().nonnegative(),
  user_id: z.string(),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
  ttl_seconds: z.number().int().nonnegative(),
});
export type TextSessionStatus = z.infer<typeof TextSessionStatus>;

export const TextSessionDeleted = z.object({ request_id: z.uuid(), deleted: z.literal(true) });
export type TextSessionDeleted = z.infer<typeof TextSessionDeleted>;

export const TTL_SECONDS_MAX = 86_400;

export const TextSessionExtension = z.object({
  /** Added to the time that is left; the session lives for a day from now at most. */
  ttl_seconds: z.coerce.number().int().min(1).max(TTL_SECONDS_MAX).default(3_600),
});
export type TextSessionExtension = z.infer<typeof TextSessionExtension>;

export const TextSessionExtended = z.object({ request_id: z.uuid(), ttl_seconds: z.number().int().nonnegative() });
export type TextSessionExtended = z.infer<typeof TextSessionExtended>;

/** The log files of the replica that answers. */
export const LogStats = z.object({
  files: z.record(
    z.string(),
    z.object({
      size_bytes: z.number().int().nonnegative(),
      lines_written: z.number().int().nonnegative(),
      rotated_files: z.number().int().nonnegative(),
      modified_at: z.iso.datetime().nullable(),
    }),
  ),
});
export type LogStats = z.infer<typeof LogStats>;

const SessionId = z.object({ request_id: z.string() });
const Feedback = SessionId.extend({ user_feedback: UserFeedback });

/** Runs one of the four tasks over a text. */
export const processText = request('text-processing.process-text', {
  input: ProcessTextRequest,
  output: ProcessTextResponse,
});

/** The same, as the model writes it. */
export const streamProcessText = stream('text-processing.stream-process-text', {
  input: ProcessTextRequest,
  part: TextPart,
});

/** Changes the current result of a text as its user asks. Two at once of one text run one after the other. */
export const refineText = request('text-processing.refine-text', { input: Feedback, output: RefineResponse });

export const streamRefineText = stream('text-processing.stream-refine-text', { input: Feedback, part: TextPart });

/** Runs the task over the original text again, with instructions of its user. */
export const regenerateText = request('text-processing.regenerate-text', {
  input: Feedback,
  output: RegenerateResponse,
});

export const streamRegenerateText = stream('text-processing.stream-regenerate-text', {
  input: Feedback,
  part: TextPart,
});

export const getTextSession = request('text-processing.get-session', {
  input: SessionId,
  output: TextSessionStatus,
  idempotent: true,
});

export const deleteTextSession = request('text-processing.delete-session', {
  input: SessionId,
  output: TextSessionDeleted,
});

export const extendTextSession = request('text-processing.extend-session', {
  input: SessionId.extend({ ttl_seconds: z.number().int() }),
  output: TextSessionExtended,
});

export const getLogStats = request('text-processing.get-log-stats', {
  input: z.object({}),
  output: LogStats,
  idempotent: true,
});

export const textProcessingContracts = [
  processText,
  streamProcessText,
  refineText,
  streamRefineText,
  regenerateText,
  streamRegenerateText,
  getTextSession,
  deleteTextSession,
  extendTextSession,
  getLogStats,
];
