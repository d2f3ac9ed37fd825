import { accountingExamples } from './accounting-examples.js';
import { accountExamples } from './openapi-account-examples.js';
import { chatExamples } from './openapi-chat-examples.js';
import { textExamples } from './openapi-text-examples.js';

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

const logJob = {
  id: '01a1fd88-45bc-7a58-9d0f-4c5c0f6f2a11',
  object: 'log_job',
  task: 'detect-errors',
  status: 'running',
  created_at: '2026-11-21T10:00:00.000Z',
  finished_at: null,
  expires_at: '2026-11-22T10:00:00.000Z',
  bytes: 734_003_200,
  progress: { lines: 1_864_135, lines_total: 10_194_366, parts: 8, parts_total: 44 },
  result: null,
  error: null,
};

const analysisMetadata = {
  request_id,
  task: 'detect-errors',
  narrative: 'model',
  narrative_error: null,
  lines: 2,
  events: 2,
  evidence: { tokens: 148, covered_lines: 2, citable_lines: 2, redacted: { IP: 1 } },
  unreadable_lines: 0,
  cut_lines: 0,
  numbers: { valid: 1, sentences_removed: 0 },
  citations: { valid: 2, removed: 0, claims_removed: 0 },
  confidence: { coverage: 1, citations: 0.75 },
  provider: 'ollama',
  finish_reason: 'stop',
  usage,
  cache_hit: false,
};

const sessionId = '019a9f41-22d3-7c4f-9a1b-7b8d2e3f4a50';
const toolCall = {
  id: 'call_019a9f3e5d0c7a589d0f4c5c0f6f2a11',
  type: 'function',
  function: { name: 'BlockAPIRequest', arguments: '{"block_type":"transform","name":"Tokenizer"}' },
};
const chatAnswer = {
  message_id: '019a9f42-33e4-7d50-8b2c-8c9e3f405b61',
  session_id: sessionId,
  sender: 'LLM',
  content: '',
  timestamp: '2026-11-21T10:30:00.000Z',
  position: 3,
  state: 'complete',
  pinned: false,
  superseded: false,
  model: 'gemma3:4b',
  tokens: 45,
  usage,
  tool_calls: [toolCall],
  tool_results: null,
  finish_reason: 'tool_calls',
  error_code: null,
};
const chatDispatch = {
  dispatch_id: '019a9f43-44f5-7e61-9c3d-9daf40516c72',
  state: 'dry_run',
  schema: { name: 'Block', version: 1 },
  session_id: sessionId,
  url: 'https://api.example.com/blocks',
  data: { block_type: 'transform', name: 'Tokenizer' },
  attempts: 0,
  last_status: null,
  last_error: null,
  created_at: '2026-11-21T10:30:00.000Z',
  finished_at: null,
};

/** Of the shapes that the document names, by their names. A test parses each by its schema. */
export const examples: Record<string, unknown> = {
  ...accountExamples,
  ...chatExamples,
  ...textExamples,
  ChatDispatch: chatDispatch,
  ChatDispatchPage: { data: [chatDispatch], has_more: false, next_cursor: null },
  ChatMessageSchema: chatAnswer,
  ChatTurnEvent: { type: 'tool_call', id: '0', tool_call: toolCall },
  EditChatMessageRequest: { user_message: 'Add a tokenizer before the encoder', tools: ['BlockAPIRequest'] },
  GenerateJsonRequest: { schema: 'Block', prompt: 'A block that splits text into tokens', dispatch: { dry_run: true } },
  GenerateJsonResponse: {
    data: chatDispatch.data,
    session_id: sessionId,
    schema: { name: 'Block', version: 1, target: 'https://api.example.com/blocks' },
    model: 'gemma3:4b',
    usage,
    attempts: 1,
    dispatch: chatDispatch,
  },
  SendChatMessageRequest: { user_message: 'Add a tokenizer', tools: ['BlockAPIRequest'], stream: true },
  SendChatMessageResponse: {
    response_message: '',
    updated_session: sessionId,
    user_message_id: '019a9f42-1111-7d50-8b2c-8c9e3f405b61',
    answer: chatAnswer,
  },
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
    llm_simulated: false,
  },
  GatewayReadiness: { status: 'ready', checks: { postgres: 'up', redis: 'up' } },
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
  LogJob: logJob,
  LogJobList: { object: 'list', data: [logJob] },
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
    usage: {
      prompt_tokens: 18,
      completion_tokens: 7,
      total_tokens: 25,
      prompt_tokens_details: { cached_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0 },
    },
  },
  OpenAiChunk: {
    ...openAiIdentity,
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta: { content: 'Hello' }, logprobs: null, finish_reason: null }],
  },
  OpenAiModel: openAiModel,
  OpenAiModelList: { object: 'list', data: [openAiModel] },
};
