import type { ChatMessage, FinishReason } from '@tollgate/contracts';

export interface ProviderRequest {
  /** The provider's own name of the model. */
  model: string;
  messages: readonly ChatMessage[];
  maxOutputTokens: number;
  /** Tokens of prompt and answer together that the model should be loaded with. */
  contextLength: number;
  temperature?: number;
  responseFormat: 'text' | 'json';
  requestId: string;
  traceparent: string;
  /** Called when the request leaves for the provider, as opposed to waiting for one of its connections. */
  onDispatched: () => void;
}

/** What a provider says of itself about an answer; a count that it did not give is undefined, never 0. */
export interface ReportedUsage {
  input?: number;
  cached?: number;
  output?: number;
}

export type ProviderEvent =
  { type: 'delta'; text: string } | { type: 'end'; finishReason: FinishReason; usage: ReportedUsage };

/**
 * One endpoint that serves models. Answers are always streamed, whole ones too: so a caller who leaves stops the
 * generation, and what was generated until then is known.
 */
export interface Provider {
  /**
   * Deltas, then exactly one `end`. Raises `provider_error` on anything else, an end of the connection before `end`
   * included. Aborting the signal closes the connection at once.
   */
  stream(request: ProviderRequest, signal: AbortSignal): AsyncGenerator<ProviderEvent, void>;

  /** Upstream names of the models that can be asked for, or undefined when the provider does not say. Rejects when it is down. */
  listModels(signal: AbortSignal): Promise<ReadonlySet<string> | undefined>;

  close(): Promise<void>;
}
