import { z } from 'zod';
import { AppError } from './app-error.js';
import { ChatToolResult } from './chat-functions.js';
import { request } from './contract.js';
import { ToolCall, Usage } from './llm-router.js';

const SYSTEM_PROMPT_CHARACTERS_MAX = 20_000;
const TITLE_CHARACTERS_MAX = 200;
export const CHAT_PAGE_MAX = 200;

/** Postgres stores no NUL characters. */
export const chatText = (charactersMax: number) =>
  z
    .string()
    .max(charactersMax, `must have at most ${charactersMax} characters`)
    .refine((value) => !value.includes('\0'), 'must not contain NUL characters');

/** `trim` leaves the oldest messages out of the prompt; `summarise` has the model sum them up once, which is billed. */
export const ChatHistoryMode = z.enum(['trim', 'summarise']);
export type ChatHistoryMode = z.infer<typeof ChatHistoryMode>;

/** `running` is being written; `stopped` was ended by its reader, `failed` by an error: both keep what was written. */
export const ChatMessageStatus = z.enum(['running', 'complete', 'stopped', 'failed']);
export type ChatMessageStatus = z.infer<typeof ChatMessageStatus>;

export const ChatSessionSchema = z.object({
  session_id: z.uuid(),
  user_id: z.uuid(),
  created_at: z.iso.datetime(),
  last_active: z.iso.datetime(),
  title: z.string(),
  /** Null for the plan's first available one. */
  model: z.string().nullable(),
  system_prompt: z.string(),
  history: ChatHistoryMode,
  /** Of what has fallen out of the prompt; empty unless `history` is `summarise`. */
  summary: z.string(),
  turns: z.number().int(),
  forked_from: z.uuid().nullable(),
});
export type ChatSessionSchema = z.infer<typeof ChatSessionSchema>;

export const ChatMessageSchema = z.object({
  message_id: z.uuid(),
  session_id: z.uuid(),
  /** `tool` is what functions gave that the LLM had called. */
  sender: z.enum(['user', 'LLM', 'tool']),
  content: z.string(),
  timestamp: z.iso.datetime(),
  /** Order within the session; there are gaps. */
  position: z.number().int(),
  state: ChatMessageStatus,
  pinned: z.boolean(),
  /** Was replaced by an edit or a new answer; not part of the conversation any more. */
  superseded: z.boolean(),
  model: z.string().nullable(),
  /** Tokens that the model wrote; null for a user's message. */
  tokens: z.number().int().nullable(),
  /**
   * What the answer took, prompt included, as the ledger has it; null for a user's message, while the answer runs, and until
   * the ledger knows of one whose process died.
   */
  usage: Usage.nullable(),
  /** Of an answer: the functions that it calls. Their results are the next message. */
  tool_calls: z.array(ToolCall).nullable(),
  /** Of a `tool` message; `content` has their texts. */
  tool_results: z.array(ChatToolResult).nullable(),
  finish_reason: z.string().nullable(),
  /** Why it failed: a code of the error table. */
  error_code: z.string().nullable(),
});
export type ChatMessageSchema = z.infer<typeof ChatMessageSchema>;

/** What a session can be started with and changed to. */
export const chatSessionSettings = {
  title: chatText(TITLE_CHARACTERS_MAX).meta({ example: 'Tokenizer pipeline' }),
  model: z.string().min(1).max(128).nullable().meta({ example: 'gemma3:4b' }),
  system_prompt: chatText(SYSTEM_PROMPT_CHARACTERS_MAX).meta({ example: 'You help to build data pipelines.' }),
  history: ChatHistoryMode,
};

export const UpdateChatSessionRequest = z
  .strictObject(chatSessionSettings)
  .partial()
  .refine((body) => Object.keys(body).length > 0, 'must change something');
export type UpdateChatSessionRequest = z.infer<typeof UpdateChatSessionRequest>;

/** A pinned message stays in the prompt, however long the conversation becomes. */
export const UpdateChatMessageRequest = z.strictObject({ pinned: z.boolean() });
export type UpdateChatMessageRequest = z.infer<typeof UpdateChatMessageRequest>;

export const DeleteChatResponse = z.object({ session_id: z.uuid(), message: z.string() });
export type DeleteChatResponse = z.infer<typeof DeleteChatResponse>;

/** Whole conversations and lists, as GET /llm/chat/{session_id}/history and /llm/chat/sessions answer them. */
export const ChatHistoryResponse = z.array(ChatMessageSchema);
export const ChatSessionsResponse = z.array(ChatSessionSchema);

export const ForkChatRequest = z.strictObject({ title: chatSessionSettings.title.optional() });
export type ForkChatRequest = z.infer<typeof ForkChatRequest>;

/** One answer for what does not exist and for what belongs to others. */
export function chatNotFound(): AppError {
  return new AppError('not_found', 'There is no such chat session or message.');
}

const session = { session_id: z.uuid() };
const message = { ...session, message_id: z.uuid() };
const cursor = { limit: z.number().int().min(1).max(CHAT_PAGE_MAX), cursor: z.string().max(256).optional() };

export const getSession = request('chat.get-session', {
  input: z.object(session),
  output: ChatSessionSchema,
  idempotent: true,
});

export const updateSession = request('chat.update-session', {
  input: z.object({ ...session, changes: UpdateChatSessionRequest }),
  output: ChatSessionSchema,
});

/** Stops what runs in it, then deletes every text of it. */
export const deleteSession = request('chat.delete-session', {
  input: z.object(session),
  output: DeleteChatResponse,
});

/** A new session with the conversation up to and with that message. */
export const forkSession = request('chat.fork-session', {
  input: z.object({ ...message, title: chatSessionSettings.title.optional() }),
  output: ChatSessionSchema,
});

export const ChatSessionPage = z.object({
  data: z.array(ChatSessionSchema),
  has_more: z.boolean(),
  next_cursor: z.string().nullable(),
});
export type ChatSessionPage = z.infer<typeof ChatSessionPage>;

/** Those last active first. */
export const listSessions = request('chat.list-sessions', {
  input: z.object({
    ...cursor,
    title: z.string().max(TITLE_CHARACTERS_MAX).optional(),
    active_since: z.iso.datetime({ offset: true }).optional(),
  }),
  output: ChatSessionPage,
  idempotent: true,
});

export const ChatMessagePage = z.object({
  data: z.array(ChatMessageSchema),
  has_more: z.boolean(),
  next_cursor: z.string().nullable(),
});
export type ChatMessagePage = z.infer<typeof ChatMessagePage>;

/** `asc` from the first message on, `desc` from the last one back. A page ends early rather than exceed a megabyte. */
export const listMessages = request('chat.list-messages', {
  input: z.object({
    ...session,
    ...cursor,
    order: z.enum(['asc', 'desc']),
    include_superseded: z.boolean().default(false),
  }),
  output: ChatMessagePage,
  idempotent: true,
});

export const updateMessage = request('chat.update-message', {
  input: z.object({ ...message, changes: UpdateChatMessageRequest }),
  output: ChatMessageSchema,
});

export const ChatSearchPage = z.object({
  data: z.array(
    z.object({
      session_id: z.uuid(),
      title: z.string(),
      message_id: z.uuid(),
      sender: z.enum(['user', 'LLM', 'tool']),
      timestamp: z.iso.datetime(),
      /** Around the words that were found, which stand between `**`. */
      snippet: z.string(),
    }),
  ),
  has_more: z.boolean(),
  next_cursor: z.string().nullable(),
});
export type ChatSearchPage = z.infer<typeof ChatSearchPage>;

/** Over all messages of the caller's sessions, the newest first; `query` as people write it for a search engine. */
export const searchMessages = request('chat.search-messages', {
  input: z.object({ ...cursor, query: z.string().trim().min(1, 'must not be empty').max(500) }),
  output: ChatSearchPage,
  idempotent: true,
});

export const chatSessionContracts = [
  getSession,
  updateSession,
  deleteSession,
  forkSession,
  listSessions,
  listMessages,
  updateMessage,
  searchMessages,
];
