const session_id = '019a9f41-7a10-7c22-9b1e-2f3a4b5c6d7e';
const user_message_id = '019a9f41-7a11-7d33-8c2f-3a4b5c6d7e8f';
const message_id = '019a9f41-7a12-7e44-9d30-4b5c6d7e8f90';
const user_id = '019a9f00-0001-7aaa-8bbb-0c0d0e0f1011';
const timestamp = '2026-11-21T10:30:00.000Z';
const usage = { input_tokens: 64, cached_tokens: 0, output_tokens: 12, source: 'provider' };

const session = {
  session_id,
  user_id,
  created_at: timestamp,
  last_active: timestamp,
  title: 'Tokenizer pipeline',
  model: 'gemma3:4b',
  system_prompt: 'You help to build data pipelines.',
  history: 'trim',
  summary: '',
  turns: 1,
  forked_from: null,
};

const question = {
  message_id: user_message_id,
  session_id,
  sender: 'user',
  content: 'Which block should come after the tokenizer?',
  timestamp,
  position: 1_024,
  state: 'complete',
  pinned: false,
  superseded: false,
  model: null,
  tokens: null,
  usage: null,
  tool_calls: null,
  tool_results: null,
  finish_reason: null,
  error_code: null,
};

const answer = {
  ...question,
  message_id,
  sender: 'LLM',
  content: 'The encoder: it takes what the tokenizer makes.',
  position: 2_048,
  model: 'gemma3:4b',
  tokens: 12,
  usage,
  finish_reason: 'stop',
};

const schema = {
  type: 'object',
  properties: { source_block_id: { type: 'string' }, target_block_id: { type: 'string' } },
  required: ['source_block_id', 'target_block_id'],
};

const registered = {
  schema_id: '019a9f42-0001-7b1b-8c1c-1d1e1f202122',
  name: 'EdgeAPIRequest',
  version: 1,
  description: 'An edge between two blocks',
  target: 'POST /edges',
  schema,
  built_in: false,
  created_at: timestamp,
};

const graph = {
  models: [],
  data_sources: [{ id: 'books', name: 'Books', kind: 's3' }],
  blocks: [
    { id: 'reader', name: 'Reader', block_type: 'source' },
    { id: 'tokenizer', name: 'Tokenizer', block_type: 'transform' },
  ],
  edges: [{ source_block_id: 'reader', target_block_id: 'tokenizer', edge_type: 'data' }],
  pipelines: [{ id: 'books-to-tokens', name: 'Books to tokens', blocks: ['reader', 'tokenizer'] }],
};

const feedback = { rating: 'down', correction: 'The reader comes first.', comment: 'Wrong order' };
const storedFeedback = { ...feedback, session_id, message_id, updated_at: timestamp };
const lastPage = { has_more: false, next_cursor: null };

/** Of the shapes of chat sessions. */
export const chatExamples: Record<string, unknown> = {
  WebSocketClientFrame: { type: 'session.message', ref: '1', session_id, user_message: 'And after the encoder?' },
  WebSocketServerFrame: { type: 'pong', ref: '2' },
  WebSocketTicket: { ticket: 'wst_3q2-8Ylq0mC1sJp4', expires_at: timestamp },
  StartChatRequest: {
    initial_message: 'Which block should come after the tokenizer?',
    title: 'Tokenizer pipeline',
    model: 'gemma3:4b',
    graph,
  },
  StartChatResponse: { session_id, message: answer.content, user_message_id, answer },
  SendChatMessageRequest: { user_message: 'And after the encoder?', stream: true },
  SendChatMessageResponse: {
    response_message: answer.content,
    updated_session: session_id,
    user_message_id,
    answer,
  },
  RegenerateChatRequest: { temperature: 0.9 },
  ForkChatRequest: { title: 'Another way' },
  UpdateChatSessionRequest: { title: 'Encoder pipeline', history: 'summarise' },
  UpdateChatMessageRequest: { pinned: true },
  ChatSessionSchema: session,
  ChatSessionPage: { data: [session], ...lastPage },
  ChatSessionsResponse: [session],
  ChatMessageSchema: answer,
  ChatMessagePage: { data: [question, answer], ...lastPage },
  ChatHistoryResponse: [question, answer],
  ChatExport: { session, messages: [question, answer] },
  ChatSearchPage: {
    data: [
      {
        session_id,
        title: 'Tokenizer pipeline',
        message_id,
        sender: 'LLM',
        timestamp,
        snippet: 'it takes what the **tokenizer** makes',
      },
    ],
    ...lastPage,
  },
  ChatTurnEvent: { type: 'delta', id: '11', delta: 'The encoder' },
  DeleteChatResponse: { session_id, message: 'The chat session was deleted.' },
  ChatGraph: graph,
  ChatGraphRequest: graph,
  CreateChatSchemaRequest: {
    name: 'EdgeAPIRequest',
    description: 'An edge between two blocks',
    target: 'POST /edges',
    schema,
  },
  RegisteredChatSchema: registered,
  ChatSchemaList: { data: [registered] },
  ChatFeedbackRequest: feedback,
  ChatFeedbackSchema: storedFeedback,
  ChatFeedbackPage: { data: [storedFeedback], ...lastPage },
};
