import type { AnalysisResponse, Completion, ErrorCode } from '@tollgate/contracts';

type Metadata = AnalysisResponse['metadata'];

/** The words of an answer, and where they come from. */
export interface Narrative {
  source: Metadata['narrative'];
  text: string;
  tokens: number;
  evidence?: Metadata['evidence'];
  citations: Metadata['citations'];
  numbers: Metadata['numbers'];
  /** Of the model that had a part in it. */
  completion?: Completion;
  /** Why no model had. */
  errorCode?: ErrorCode;
}

export const noCitations = { valid: 0, removed: 0, claims_removed: 0 };
export const noNumbers = { valid: 0, sentences_removed: 0 };

/** Words of the core alone: nothing else was needed, or `errorCode` kept a model from it. */
export function computedNarrative(text: string, errorCode?: ErrorCode): Narrative {
  return {
    source: errorCode ? 'unavailable' : 'computed',
    text,
    tokens: 0,
    citations: noCitations,
    numbers: noNumbers,
    ...(errorCode && { errorCode }),
  };
}

export function tokensOf({ usage }: Pick<Completion, 'usage'>): number {
  return usage.input_tokens + usage.output_tokens;
}
