import { accountingExamples } from './accounting-examples.js';

const request_id = '019a9f3e-5d0c-7a58-9d0f-4c5c0f6f2a11';
const batchId = '019a9f40-11c2-7b3e-8f0a-6a7c1d2e3f40';
const usage = { input_tokens: 18, cached_tokens: 0, output_tokens: 45, source: 'provider' };

const generateMetadata = {
  temperature: 0.8,
  tokens_generated: 45,
  prompt_hash: '6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b',
  request_id,
  conversation_id: 'channel_123456',
  finish_reason: 'stop',
  usage,
};

const batch = {
  id: batchId,
  object: 'batch',
  status: 'running',
  model: null,
  created_at: '2026-11-21T10:30:00.000Z',
  finished_at: null,
  expires_at: '2026-11-28T10:30:00.000Z',
  progress: { total: 2, pending: 1, completed: 1, failed: 0, cancelled: 0 },
};

const batchResult = {
  index: 0,
  status: 'completed',
  response: 'A gateway stands between a frontend and what it uses.',
  model: 'gemma3:4b',
  finish_reason: 'stop',
  usage,
  cache_hit: false,
  error: null,
};

const openAiModel = { id: 'gemma3:4b', object: 'model', created: 0, owned_by: 'ollama' };
const openAiIdentity = { id: `chatcmpl-${request_id}`, created: 1_763_720_000, model: 'gemma3:4b' };

const analysisMetadata = {
  request_id,
  task: 'detect-errors',
  narrative: 'model',
  narrative_error: null,
  lines: 2,
  events: 2,
  evidence: { tokens: 148, covered_lines: 2, citable_lines: 2, redacted: { IP: 1 } },
  citations: { valid: 2, removed: 0, claims_removed: 0 },
  confidence: { coverage: 1, citations: 0.75 },
  provider: 'ollama',
  finish_reason: 'stop',
  usage,
  cache_hit: false,
};

/** Of the shapes that the document names, by their names. A test parses each by its schema. */
export const examples: Record<string, unknown> = {
  ...accountingExamples,
  GenerateRequest: {
    prompt: 'You are Peter Griffin. Say hello in character.',
    character_name: 'peter',
    settings: { temperature: 0.8, max_tokens: 500, top_p: 0.9 },
    conversation_id: 'channel_123456',
    use_cache: true,
  },
  GenerateResponse: {
    response: 'Hey there! Meeting new people is awesome.',
    model: 'gemma3:4b',
    generation_time: 2.3,
    cache_hit: false,
    metadata: generateMetadata,
  },
  GenerateEvent: {
    type: 'end',
    model: 'gemma3:4b',
    generation_time: 2.3,
    cache_hit: false,
    metadata: generateMetadata,
  },
  ValidateModelRequest: { model: 'gemma3:4b' },
  ModelValidation: {
    model_available: true,
    model_name: 'gemma3:4b',
    model_size: '3.3GB',
    performance_score: 95.2,
    last_validation: '2026-11-21T10:30:00.000Z',
    tokens_per_second: 61.5,
    time_to_first_token_ms: 595,
  },
  CacheCleared: { cleared: 12 },
  ModelListing: {
    default_model: 'gemma3:4b',
    models: [
      {
        id: 'gemma3:4b',
        provider: 'ollama',
        location: 'local',
        context_length: 8192,
        tiers: ['free', 'pro'],
        available: true,
        allowed: true,
      },
    ],
  },
  LlmHealth: {
    status: 'healthy',
    ollama_status: 'connected',
    model: 'gemma3:4b',
    models_available: ['gemma3:4b', 'llama-4-maverick'],
    cache: { status: 'connected', entries: 320, hits: 1_291, shared: 14, misses: 219 },
  },
  GatewayHealth: {
    status: 'healthy',
    service: 'gateway',
    ollama_status: 'connected',
    model: 'gemma3:4b',
    cache_status: 'connected',
    timestamp: '2026-11-21T10:30:00.000Z',
    uptime_seconds: 87_330,
  },
  GatewayMetrics: {
    requests_total: 1_524,
    cache_hit_rate: 0.847,
    average_response_time: 1.85,
    ollama_status: 'healthy',
    memory_usage: '153MB',
    uptime: '24h 15m 30s',
  },
  AnalysisRequest: {
    log_entries: [
      {
        level: 'ERROR',
        message: 'Database connection to 10.0.0.5 failed',
        timestamp: '2024-01-15T10:30:45Z',
        source: 'database',
      },
      { level: 'INFO', message: 'Request answered', timestamp: '2024-01-15T10:30:46Z', source: 'web' },
    ],
    prompt: 'Is the database to blame?',
    structured_output: true,
  },
  AnalysisResponse: {
    analysis:
      'One connection to the database at 10.0.0.5 failed. [L1]\n\nFindings:\n- The next request was answered. [L2]',
    model_used: 'gemma3:4b',
    tokens_used: 63,
    latency_ms: 1_840,
    confidence_score: 0.866,
    metadata: analysisMetadata,
    structured_data: {
      error_count: 1,
      errors: [{ message: 'Database connection to <*> failed', count: 1, severity: 'high', lines: [1] }],
    },
  },
  CreateBatchRequest: { prompts: ['What is a gateway?', 'What is a ledger?'], system: 'Be brief.', max_tokens: 200 },
  Batch: batch,
  BatchListing: { object: 'list', data: [batch] },
  BatchWithResults: { ...batch, results: [batchResult] },
  OpenAiChatRequest: {
    model: 'gemma3:4b',
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hello!' },
    ],
  },
  OpenAiChatCompletion: {
    ...openAiIdentity,
    object: 'chat.completion',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'Hello! How can I help?', refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: { prompt_tokens: 18, completion_tokens: 7, total_tokens: 25, prompt_tokens_details: { cached_tokens: 0 } },
  },
  OpenAiChunk: {
    ...openAiIdentity,
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta: { content: 'Hello' }, logprobs: null, finish_reason: null }],
  },
  OpenAiModel: openAiModel,
  OpenAiModelList: { object: 'list', data: [openAiModel] },
};
