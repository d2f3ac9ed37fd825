import { z } from 'zod';
import { request } from './contract.js';
import { analyzeLogs, AnalysisOptions, AnalysisResponse, LogTask } from './log-analysis.js';

const count = z.number().int().nonnegative();

/** A piece of a log on its way to those who read it. */
export const LogChunk = z.object({
  log_id: z.uuid(),
  /** From 0. */
  index: count,
  /** Line feeds in it. */
  lines: count,
  bytes: z.number().int().positive(),
  /** Its last byte is a line feed. */
  ends_line: z.boolean(),
  /** Raw deflate, as base64. */
  data: z.base64(),
});
export type LogChunk = z.infer<typeof LogChunk>;

/**
 * Keeps a piece of a log for its account for a quarter of an hour. The first one begins the upload; raises
 * `rate_limit_exceeded` when the account has too many of them. Sending a piece again changes nothing.
 */
export const appendLog = request('log-analysis.append-log', {
  input: LogChunk,
  output: z.object({}),
  idempotent: true,
});

/** Forgets an upload. */
export const discardLog = request('log-analysis.discard-log', {
  input: z.object({ log_id: z.uuid() }),
  output: z.object({}),
  idempotent: true,
});

export const LogJobStatus = z.enum(['queued', 'running', 'completed', 'failed', 'cancelled']);

/** An upload that is read in the background. */
export const LogJob = z.object({
  id: z.uuid(),
  object: z.literal('log_job'),
  task: LogTask,
  status: LogJobStatus,
  created_at: z.iso.datetime(),
  finished_at: z.iso.datetime().nullable(),
  /** Then it is forgotten. */
  expires_at: z.iso.datetime(),
  bytes: count,
  progress: z.object({ lines: count, lines_total: count, parts: count, parts_total: count }),
  /** Null until it is completed, and in lists. */
  result: AnalysisResponse.nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
});
export type LogJob = z.infer<typeof LogJob>;

export const LogJobList = z.object({ object: z.literal('list'), data: z.array(LogJob) });
export type LogJobList = z.infer<typeof LogJobList>;

const JobId = z.object({ id: z.uuid() });

/** Starts to read an upload. What a model writes in the end is billed to the caller. */
export const createLogJob = request('log-analysis.create-job', {
  input: AnalysisOptions.extend({ task: LogTask, log_id: z.uuid() }),
  output: LogJob,
});
/** Raises `not_found`, also for a job of another account. */
export const getLogJob = request('log-analysis.get-job', { input: JobId, output: LogJob, idempotent: true });
export const listLogJobs = request('log-analysis.list-jobs', {
  input: z.object({}),
  output: LogJobList,
  idempotent: true,
});
/** What has been read by then is forgotten. Raises `not_found`. */
export const cancelLogJob = request('log-analysis.cancel-job', { input: JobId, output: LogJob, idempotent: true });

export const logAnalysisContracts = [
  analyzeLogs,
  appendLog,
  discardLog,
  createLogJob,
  getLogJob,
  listLogJobs,
  cancelLogJob,
];
