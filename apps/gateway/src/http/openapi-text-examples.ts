const request_id = '019a9f3e-5d0c-7a58-9d0f-4c5c0f6f2a11';
const user_id = '019a9f00-0001-7aaa-8bbb-0c0d0e0f1011';
const at = '2026-11-21T10:30:00.000Z';
const usage = { input_tokens: 88, cached_tokens: 0, output_tokens: 22, source: 'provider' };
const output = 'Tollgate meters every token between a frontend and its models.';
const identity = { request_id, task: 'summary', model: 'gemma3:4b', user_id };
const answer = { ...identity, finish_reason: 'stop', usage };
const chatMetadata = {
  request_id,
  provider: 'ollama',
  finish_reason: 'stop',
  usage,
  attempts: 1,
  reason: 'tier_local',
  cache_hit: false,
};

/** Of the shapes of text processing and of the unified chat, and of errors. */
export const textExamples: Record<string, unknown> = {
  ProcessTextRequest: {
    text: 'Tollgate stands between a frontend and its models. It meters every token. It bills each one once.',
    task: 'summary',
    summary_type: 'brief',
    model: 'gemma3:4b',
  },
  ProcessTextResponse: { ...answer, output },
  FeedbackRequest: { user_feedback: 'Make it shorter and add bullet points' },
  RefineResponse: { ...answer, refined_output: '- Meters every token', refinement_count: 1 },
  RegenerateResponse: { ...answer, regenerated_output: output, regeneration_count: 1 },
  TextPart: { type: 'delta', delta: 'Tollgate meters' },
  TextSessionStatus: {
    ...identity,
    current_output: output,
    refinement_count: 2,
    regeneration_count: 1,
    created_at: at,
    updated_at: at,
    ttl_seconds: 3_200,
  },
  TextSessionDeleted: { request_id, deleted: true },
  TextSessionExtended: { request_id, ttl_seconds: 10_800 },
  LogStats: {
    files: { 'llm_requests.log': { size_bytes: 18_230, lines_written: 214, rotated_files: 0, modified_at: at } },
  },
  ChatRequest: {
    message: 'Help me analyze these logs for errors',
    context: { service: 'checkout' },
    conversation_history: [
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: 'Hello! How can I help?' },
    ],
    max_tokens: 500,
    temperature: 0.2,
  },
  ChatResponse: {
    message: 'Two of the three lines are errors of the database.',
    model_used: 'gemma3:4b',
    tokens_used: 110,
    latency_ms: 1_840,
    confidence_score: 1,
    metadata: chatMetadata,
    structured_data: null,
  },
  ChatEvent: { type: 'delta', delta: 'Two of the three' },
  ErrorBody: {
    error: {
      message: 'text: must not be empty',
      type: 'invalid_request_error',
      param: 'text',
      code: 'invalid_request',
    },
    detail: [{ loc: ['body', 'text'], msg: 'must not be empty', type: 'value_error' }],
    request_id,
  },
};
