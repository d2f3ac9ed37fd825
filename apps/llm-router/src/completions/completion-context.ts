import type { MessageContext } from '@tollgate/messaging';

/** What a completion must know of the request that it is part of. Every MessageContext has it. */
export interface CompletionContext extends Pick<
  MessageContext,
  'messageId' | 'requestId' | 'caller' | 'deadlineAt' | 'signal'
> {
  /** Attempts of the same message that are in the ledger already, when a model is asked again. */
  attemptsBefore?: number;
}

export function afterAttempts(context: CompletionContext, attemptsBefore: number): CompletionContext {
  const { messageId, requestId, caller, deadlineAt, signal } = context;
  return { messageId, requestId, caller, deadlineAt, signal, attemptsBefore };
}
