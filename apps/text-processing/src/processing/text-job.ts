import type { FinishReason, SummaryType, TextTask, Usage } from '@tollgate/contracts';

/** A task over a text. */
export interface TextJob {
  text: string;
  task: TextTask;
  summaryType: SummaryType;
  targetLanguage: string | undefined;
  userFeedback?: string;
  /** That the user asked for, if any. */
  model: string | undefined;
  strategy: 'single' | 'map_reduce';
}

export interface AnswerEnd {
  model: string;
  finish_reason: FinishReason;
  usage: Usage;
}

export type Answer = AnswerEnd & { output: string };

/** A step of an answer: `start` first, `end` last; the texts of the deltas make the output. */
export type AnswerPart =
  | { type: 'start'; model: string }
  | { type: 'progress'; stage: 'map' | 'reduce'; done: number; total: number }
  | { type: 'delta'; delta: string }
  | ({ type: 'end' } & AnswerEnd);

/** The whole of what a stream of parts says. */
export async function collect(parts: AsyncIterable<AnswerPart>): Promise<Answer> {
  let output = '';
  for await (const part of parts) {
    if (part.type === 'delta') output += part.delta;
    if (part.type === 'end') {
      const { model, finish_reason, usage } = part;
      return { model, finish_reason, usage, output };
    }
  }
  throw new Error('an answer ended without an end');
}
