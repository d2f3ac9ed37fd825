/** What the OpenAI side of the simulator imitates: where real servers differ in what they take and say. */
export interface SimulatorDialect {
  /** Fields of a request beyond OpenAI's own that it takes; any other unknown one is refused with 400. */
  extraFields: readonly string[];
  /** Refused with 400 when sent. */
  refusedFields: readonly string[];
  /** Types of response_format that it takes. */
  responseFormats: readonly string[];
  /** Refuses its JSON mode when no message speaks of JSON. */
  needsJsonMentioned: boolean;
  reasoningField: 'reasoning_content' | 'reasoning';
  cachedTokens: 'details' | 'prompt_cache_hit_tokens';
  /** Are they part of `completion_tokens` and told in its details, are they beside it (xAI), or are they not told? */
  reasoningTokens: 'details' | 'beside' | 'not_told';
  error: (message: string, type: string) => object;
  /** In mid-stream, where it differs. */
  errorFrame?: (message: string) => object;
}

const openAiShape = (message: string, type: string) => ({ error: { message, type, param: null, code: null } });

const openai: SimulatorDialect = {
  extraFields: [],
  refusedFields: [],
  responseFormats: ['text', 'json_object', 'json_schema'],
  needsJsonMentioned: true,
  reasoningField: 'reasoning_content',
  cachedTokens: 'details',
  reasoningTokens: 'details',
  error: openAiShape,
};

export const simulatorDialects = {
  /** Takes everything; what a simulator speaks unless told otherwise. */
  any: { ...openai, needsJsonMentioned: false, extraFields: ['top_k', 'repetition_penalty', 'structured_outputs'] },
  openai,
  deepseek: {
    ...openai,
    refusedFields: ['max_completion_tokens'],
    responseFormats: ['text', 'json_object'],
    cachedTokens: 'prompt_cache_hit_tokens',
  },
  vllm: {
    ...openai,
    extraFields: ['top_k', 'repetition_penalty', 'structured_outputs'],
    reasoningField: 'reasoning',
    reasoningTokens: 'not_told',
    error: (message, type) => ({ object: 'error', message, type, param: null, code: 400 }),
    errorFrame: (message) => ({ object: 'error', message, type: 'InternalServerError', code: 500 }),
  },
  xai: { ...openai, reasoningTokens: 'beside' },
  /** An old server in front of Llama: it knows nothing of stream_options. */
  maverick: {
    ...openai,
    refusedFields: ['stream_options', 'max_completion_tokens'],
    error: (message) => ({ detail: message }),
  },
} satisfies Record<string, SimulatorDialect>;
export type SimulatorDialectName = keyof typeof simulatorDialects;

export function errorType(status: number): string {
  if (status === 429) return 'requests';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}
