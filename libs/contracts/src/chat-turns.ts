import { z } from 'zod';
import { ChatToolResults, functionSettings } from './chat-functions.js';
import { ChatGraph } from './chat-graph.js';
import { ChatMessageSchema, chatSessionSettings, chatText } from './chat-sessions.js';
import { request, stream } from './contract.js';
import { ToolCall } from './llm-router.js';

const CONTENT_CHARACTERS_MAX = 400_000;

const content = chatText(CONTENT_CHARACTERS_MAX)
  .refine((value) => value.trim().length > 0, 'must not be empty')
  .meta({ example: 'Which block should come after the tokenizer?' });

/** How one answer is to be made. */
const answering = {
  model: z.string().min(1).max(128).nullish().meta({ example: 'gemma3:4b' }),
  max_tokens: z.number().int().positive().nullish().meta({ example: 512 }),
  temperature: z.number().min(0).max(2).nullish().meta({ example: 0.7 }),
  ...functionSettings,
};
const asStream = { stream: z.boolean().default(false) };
/** `wait` in line behind the turn that runs, `reject` with 409. */
const conflict = { on_conflict: z.enum(['wait', 'reject']).default('wait') };

/** POST /llm/chat and /api/v1/chat/sessions. */
export const StartChatRequest = z.object({
  /** The caller's own id; another one is refused. */
  user_id: z.string().max(128).nullish(),
  initial_message: content,
  ...z.object(chatSessionSettings).partial().shape,
  /** What the conversation is about. */
  graph: ChatGraph.nullish(),
  ...answering,
  ...asStream,
  model: chatSessionSettings.model.optional(),
});
export type StartChatRequest = z.infer<typeof StartChatRequest>;

/** What is said to the model: words of the user, or what the functions gave that it called. */
const said = { user_message: content.optional(), tool_results: ChatToolResults.optional() };
const isOneOfBoth = ({
  user_message: words,
  tool_results: results,
}: {
  user_message?: string;
  tool_results?: unknown;
}) => (words === undefined) !== (results === undefined);
const oneOfBoth = { path: ['user_message'], message: 'is required, or tool_results, and not both' };

/** POST …/{session_id}/message. Exactly one of `user_message` and `tool_results`, as {@link sendMessage} sees to it. */
export const SendChatMessageRequest = z.object({ ...said, ...answering, ...asStream, ...conflict });
export type SendChatMessageRequest = z.infer<typeof SendChatMessageRequest>;

export const EditChatMessageRequest = z.object({ user_message: content, ...answering, ...asStream, ...conflict });
export type EditChatMessageRequest = z.infer<typeof EditChatMessageRequest>;

/** A new answer in place of the last one, with the functions of that one unless it brings its own. */
export const RegenerateChatRequest = z.object({ ...answering, ...asStream, ...conflict });
export type RegenerateChatRequest = z.infer<typeof RegenerateChatRequest>;

/** A turn as it goes on. `id` is how many characters of the answer its reader has then: the place to resume from. */
export const ChatTurnEvent = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('start'),
    id: z.string(),
    session_id: z.uuid(),
    user_message_id: z.uuid(),
    message_id: z.uuid(),
  }),
  z.object({ type: z.literal('delta'), id: z.string(), delta: z.string() }),
  /** A whole call, known to be valid. Who resumes may get it once more: its own id tells. */
  z.object({ type: z.literal('tool_call'), id: z.string(), tool_call: ToolCall }),
  z.object({ type: z.literal('end'), id: z.string(), message: ChatMessageSchema }),
]);
export type ChatTurnEvent = z.infer<typeof ChatTurnEvent>;

/** Of a turn that was not streamed. */
const TurnResponse = z.object({ user_message_id: z.uuid(), answer: ChatMessageSchema });

export const StartChatResponse = TurnResponse.extend({ session_id: z.uuid(), message: z.string() });
export type StartChatResponse = z.infer<typeof StartChatResponse>;

/** `updated_session` is the id of the session. */
export const SendChatMessageResponse = TurnResponse.extend({ response_message: z.string(), updated_session: z.uuid() });
export type SendChatMessageResponse = z.infer<typeof SendChatMessageResponse>;

const session = { session_id: z.uuid() };
const message = { ...session, message_id: z.uuid() };

/** Opens a session with a first turn. Withdrawn as a whole when no answer begins. */
export const startChat = stream('chat.start', {
  input: StartChatRequest.omit({ user_id: true, stream: true }),
  part: ChatTurnEvent,
});

/**
 * One turn of a session: never beside another one of the same session. An answer outlives its reader for a grace period,
 * in which {@link followAnswer} finds it. Calls of functions that it ends with are valid by their schemas and against the
 * session's graph. Raises `session_busy`, `not_found`, and what the model's answer may raise.
 */
export const sendMessage = stream('chat.send-message', {
  input: z.object({ ...session, ...said, ...answering, ...conflict }).refine(isOneOfBoth, oneOfBoth),
  part: ChatTurnEvent,
});

/** Replaces a message of the user and everything after it. */
export const editMessage = stream('chat.edit-message', {
  input: z.object({ ...message, user_message: content, ...answering, ...conflict }),
  part: ChatTurnEvent,
});

/** Replaces the last answer. */
export const regenerateAnswer = stream('chat.regenerate-answer', {
  input: z.object({ ...session, ...answering, ...conflict }),
  part: ChatTurnEvent,
});

/** The rest of an answer after the event `after`, be it running or long finished. */
export const followAnswer = stream('chat.follow-answer', {
  input: z.object({ ...message, after: z.number().int().nonnegative().optional() }),
  part: ChatTurnEvent,
});

/** Resolves when the answer has been stored as it was when it stopped. */
export const stopAnswer = request('chat.stop-answer', { input: z.object(message), output: ChatMessageSchema });

export const chatTurnContracts = [startChat, sendMessage, editMessage, regenerateAnswer, followAnswer, stopAnswer];
