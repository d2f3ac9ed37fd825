/** In what an endpoint that speaks OpenAI's chat completions differs from the others, as far as requests go. */
export interface Quirks {
  /** The field that bounds the answer. */
  maxTokensField: 'max_tokens' | 'max_completion_tokens';
  /**
   * How it is told a JSON schema: OpenAI's field; the same, but `strict` only for what OpenAI's strict mode takes; vLLM's
   * field; or not at all, then it stands in the prompt and `json_object` is asked for.
   */
  jsonSchema: 'response_format' | 'response_format_strict' | 'structured_outputs' | 'prompt';
  /** Usage in a stream: only in its last chunk, in every chunk, or not to be asked for. */
  usage: 'last_chunk' | 'every_chunk' | 'not_asked';
  /** Fields beyond OpenAI's own that it takes; undefined where it refuses or ignores them. */
  topKField: 'top_k' | undefined;
  repeatPenaltyField: 'repetition_penalty' | undefined;
}

const plain: Quirks = {
  maxTokensField: 'max_tokens',
  jsonSchema: 'response_format',
  usage: 'last_chunk',
  topKField: undefined,
  repeatPenaltyField: undefined,
};

/**
 * The kinds of endpoint behind the one adapter. What only concerns reading is not here: the adapter reads every known form
 * of usage, reasoning, errors and keep-alives from everybody.
 *
 * Sources: platform.openai.com/docs/api-reference/chat, api-docs.deepseek.com, docs.vllm.ai (OpenAI-compatible server).
 */
export const quirksOf = {
  'openai-compatible': plain,
  openai: { ...plain, maxTokensField: 'max_completion_tokens', jsonSchema: 'response_format_strict' },
  deepseek: { ...plain, jsonSchema: 'prompt' },
  vllm: {
    ...plain,
    jsonSchema: 'structured_outputs',
    usage: 'every_chunk',
    topKField: 'top_k',
    repeatPenaltyField: 'repetition_penalty',
  },
  // Served by vLLM, by hosted clouds, by anybody: only what all of them take.
  maverick: plain,
} satisfies Record<string, Quirks>;
