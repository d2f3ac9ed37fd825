import type { analyzeLogs, InputOf } from '@tollgate/contracts';
import type { LogReport, QueryAnswer, QueryPlan } from '@tollgate/logs';
import type { Narrative } from '../narrative/narrative.js';

export type AnalysisBody = InputOf<typeof analyzeLogs>;

/** What is asked of a log, wherever it lies. */
export type Question = Omit<AnalysisBody, 'log_entries' | 'log_text' | 'log_id'>;

/** A log that can be read as often as need be. */
export interface ReadableLog {
  report(): Promise<LogReport>;
  /** Executes a plan over every line. */
  count(plan: QueryPlan): Promise<QueryAnswer>;
}

/** What a request finds out, before it is known what it looks like on the wire. */
export interface Answer {
  narrative: Narrative;
  structuredData: Record<string, unknown>;
  /** The question was answered by counting: nothing in it is a guess. */
  isCounted: boolean;
}
