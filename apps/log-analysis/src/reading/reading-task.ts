import type { LogFormat, LogReport, QueryAnswer, QueryPlan } from '@tollgate/logs';

/** What a thread is asked to do with the pieces of a log, or with the partial results of a job. */
export type ReadingTask =
  /** The whole log. */
  | { kind: 'report'; referenceMs: number }
  /** Counts over the whole log. */
  | { kind: 'count'; plan: QueryPlan; referenceMs: number }
  /** How its lines are written, from its beginning. */
  | { kind: 'learn'; referenceMs: number }
  /** A part: `chunks` pieces, and what goes on with the last event in them. */
  | { kind: 'part'; chunks: number; firstLine: number; format: LogFormat; referenceMs: number }
  /** Partial results, in their order. */
  | { kind: 'merge' };

export interface ReadingResults {
  report: LogReport;
  count: QueryAnswer;
  learn: LogFormat;
  /** The partial result as JSON, compressed. */
  part: Uint8Array;
  merge: LogReport;
}

export type ReadingResult = ReadingResults[keyof ReadingResults];

/** To the thread: a task, then an answer to each `pull`. Pieces are compressed (raw deflate). */
export type ToThread = { task: ReadingTask } | { piece: Uint8Array | undefined };
/** From the thread: it wants the next piece, or has finished. */
export type FromThread = { pull: true } | { result: ReadingResult } | { failure: string };
