import type { ChatMessage, FinishReason, ResponseFormat, Sampling, Tool, ToolChoice } from '@tollgate/contracts';

export interface ProviderRequest {
  /** The provider's own name of the model. */
  model: string;
  messages: readonly ChatMessage[];
  maxOutputTokens: number;
  /** Tokens of prompt and answer together that the model should be loaded with. */
  contextLength: number;
  sampling: Sampling;
  tools?: readonly Tool[];
  toolChoice?: ToolChoice;
  /** Without it: text. */
  responseFormat?: ResponseFormat;
  requestId: string;
  traceparent: string;
  /** Called when the request leaves for the provider, as opposed to waiting for one of its connections. */
  onDispatched: () => void;
}

/** What a provider says of itself about an answer; a count that it did not give is undefined. */
export interface ReportedUsage {
  input?: number;
  cached?: number;
  /** Reasoning included. */
  output?: number;
  reasoning?: number;
}

export type ProviderEvent =
  | { type: 'delta'; text: string }
  | { type: 'reasoning'; text: string }
  /** The first piece of the call number `index` has `id` and `name`. */
  | { type: 'tool_call'; index: number; id?: string; name?: string; arguments: string }
  /** What the provider has counted so far; a later one replaces the fields that it has. */
  | { type: 'usage'; usage: ReportedUsage }
  | { type: 'end'; finishReason: FinishReason };

/**
 * One endpoint that serves models. Answers are always streamed, whole ones too: so a caller who leaves stops the
 * generation, and what was generated until then is known.
 */
export interface Provider {
  /**
   * What the provider writes, then exactly one `end`. Read on after it: only then is the connection used again. Raises `ProviderFailure` on anything else, an end of the connection
   * before `end` included. Aborting the signal closes the connection at once and raises the signal's reason.
   */
  stream(request: ProviderRequest, signal: AbortSignal): AsyncGenerator<ProviderEvent, void>;

  /** Upstream names of the models that can be asked for, or undefined when the provider does not say. Rejects when it is down. */
  listModels(signal: AbortSignal): Promise<ReadonlySet<string> | undefined>;

  /** Lets what is running end. */
  close(): Promise<void>;
}
