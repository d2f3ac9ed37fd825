import type { analyzeLogs, InputOf } from '@tollgate/contracts';
import type { Narrative } from '../narrative/narrative.js';

export type AnalysisBody = InputOf<typeof analyzeLogs>;

/** What a request finds out, before it is known what it looks like on the wire. */
export interface Answer {
  narrative: Narrative;
  structuredData: Record<string, unknown>;
  /** The question was answered by counting: nothing in it is a guess. */
  isCounted: boolean;
}
