import { z } from 'zod';
import { request } from './contract.js';
import { FinishReason, Usage } from './llm-router.js';

/** What is asked of a log. */
export const LogTask = z.enum(['analyze', 'detect-errors', 'root-cause', 'detect-anomalies', 'query', 'summarize']);
export type LogTask = z.infer<typeof LogTask>;

/** What the body calls it. */
export const AnalysisType = z.enum([
  'general',
  'error_detection',
  'root_cause',
  'anomaly_detection',
  'query',
  'summarization',
]);
export type AnalysisType = z.infer<typeof AnalysisType>;

/** Line N of the answer is entry N. Further fields are kept and read as part of the entry. */
export const LogEntry = z.looseObject({
  message: z.string(),
  level: z.string().max(64).nullish(),
  timestamp: z.union([z.string().max(64), z.number()]).nullish(),
  source: z.string().max(500).nullish(),
});
export type LogEntry = z.infer<typeof LogEntry>;

const analysisFields = z.object({
  log_entries: z.array(LogEntry).nullish(),
  /** The log as it was written, instead of `log_entries`. */
  log_text: z.string().nullish(),
  /** What to look at; for a query the question. */
  prompt: z.string().trim().min(1, 'must not be empty').max(8_192).nullish(),
  /** Every route knows its own; at /analyze it chooses another. */
  analysis_type: AnalysisType.nullish(),
  max_tokens: z.number().int().positive().nullish(),
  temperature: z.number().min(0).max(2).default(0.3),
  /** Without it `structured_data` is null. */
  structured_output: z.boolean().default(true),
  model: z.string().min(1).max(128).nullish(),
  user_id: z.string().max(128).nullish(),
});

/** Body of the six routes that analyse a log. */
export const AnalysisRequest = analysisFields.superRefine(requireOneLog);
export type AnalysisRequest = z.infer<typeof AnalysisRequest>;

/** What can be said of a log that is uploaded: of the fields of a form, or in the query string. */
export const AnalysisOptions = analysisFields.omit({ log_entries: true, log_text: true });
export type AnalysisOptions = z.infer<typeof AnalysisOptions>;

/** Who wrote `analysis`: a model, the core alone as nothing else was needed, or the core alone as no model could. */
export const NarrativeSource = z.enum(['model', 'computed', 'unavailable']);
export type NarrativeSource = z.infer<typeof NarrativeSource>;

const share = z.number().min(0).max(1);

const AnalysisMetadata = z.object({
  request_id: z.uuid(),
  task: LogTask,
  narrative: NarrativeSource,
  /** The error code because of which there is no narrative of a model. */
  narrative_error: z.string().nullable(),
  /** Of the log; all of them were read. */
  lines: z.number().int().nonnegative(),
  events: z.number().int().nonnegative(),
  /** With characters that could not be read (U+FFFD), and those that are so long that they were cut. */
  unreadable_lines: z.number().int().nonnegative(),
  cut_lines: z.number().int().nonnegative(),
  /** What the model saw; null when none was shown anything. */
  evidence: z
    .object({
      tokens: z.number().int().nonnegative(),
      covered_lines: z.number().int().nonnegative(),
      citable_lines: z.number().int().nonnegative(),
      /** Values that the model saw a pseudonym of, by kind. */
      redacted: z.record(z.string(), z.number().int()),
    })
    .nullable(),
  /** Line numbers that the model cited: those that the evidence has, those that were removed, claims that had no other. */
  citations: z.object({
    valid: z.number().int().nonnegative(),
    removed: z.number().int().nonnegative(),
    claims_removed: z.number().int().nonnegative(),
  }),
  /** Numbers that the model wrote: those that the evidence has, and sentences that were removed because of others. */
  numbers: z.object({
    valid: z.number().int().nonnegative(),
    sentences_removed: z.number().int().nonnegative(),
  }),
  /** The factors of `confidence_score`. */
  confidence: z.record(z.string(), share),
  provider: z.string().nullable(),
  finish_reason: FinishReason.nullable(),
  usage: Usage.nullable(),
  /** No provider was asked for this narrative. */
  cache_hit: z.boolean(),
});

export const AnalysisResponse = z.object({
  analysis: z.string(),
  /** `none` when no model had a part in the answer. */
  model_used: z.string(),
  tokens_used: z.number().int().nonnegative(),
  latency_ms: z.number().nonnegative(),
  /** Computed from the evidence; `metadata.confidence` has the factors. */
  confidence_score: share,
  metadata: AnalysisMetadata,
  /** What was found in the log: every number counted, none by a model. */
  structured_data: z.record(z.string(), z.unknown()).nullable(),
});
export type AnalysisResponse = z.infer<typeof AnalysisResponse>;

/** Reads a whole log, which may be one of {@link appendLog}, and answers. Billed to the caller for what a model wrote. */
export const analyzeLogs = request('log-analysis.analyze-logs', {
  input: analysisFields.extend({ task: LogTask, log_id: z.uuid().nullish() }).superRefine(requireOneLog),
  output: AnalysisResponse,
});

function requireOneLog(
  log: Pick<z.infer<typeof analysisFields>, 'log_entries' | 'log_text'> & { log_id?: string | null },
  context: z.RefinementCtx,
): void {
  const { log_entries, log_text, log_id } = log;
  const lengths = [log_entries?.length, log_text?.length, log_id?.length];
  const given = lengths.filter((length) => length !== undefined && length > 0);
  if (given.length === 1) return;
  const message = given.length === 0 ? 'a log is required, here or as log_text' : 'cannot stand beside log_text';
  context.addIssue({ code: 'custom', path: ['log_entries'], message });
}
