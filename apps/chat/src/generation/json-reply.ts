import { AppError, FinishReason, Usage, type ChatMessage } from '@tollgate/contracts';
import { z } from 'zod';

/** Of an answer that was refused, for the model: it wrote the rest, too. */
const QUOTED_CHARACTERS_MAX = 4_000;

/** What one call of a model gave. */
export interface JsonReply {
  text: string;
  /** Only to be used when there are no problems. */
  data?: unknown;
  problems: string[];
  /** Asking again would not help. */
  isFinal: boolean;
  finish_reason: FinishReason;
  model: string;
  usage: Usage;
  attempts: number;
}

/** What the router says of an answer that is not the JSON that was asked for. */
const Refusal = z.object({
  problems: z.array(z.string()),
  last_text: z.string(),
  finish_reason: FinishReason,
  model: z.string(),
  usage: Usage,
  attempts: z.number().int(),
});

/** Undefined for any other error. */
export function refusedJson(thrown: unknown): JsonReply | undefined {
  const error = AppError.fromUnknown(thrown);
  if (error.code !== 'invalid_structured_output') return undefined;
  const refusal = Refusal.safeParse(error.details);
  if (!refusal.success) return undefined;
  const { last_text: text, ...rest } = refusal.data;
  // Asked again it would be cut again; and what is missing is not ours to make up.
  return { ...rest, text, isFinal: rest.finish_reason === 'length' || rest.finish_reason === 'content_filter' };
}

/** The answer and what is wrong with it, for the model. */
export function correctionsOf({ text, problems }: JsonReply): ChatMessage[] {
  const lines = ['Your answer is not valid:', ...problems.map((problem) => `- ${problem}`)];
  return [
    { role: 'assistant', content: text.slice(0, QUOTED_CHARACTERS_MAX) },
    { role: 'user', content: [...lines, 'Answer again with the corrected JSON and nothing else.'].join('\n') },
  ];
}
