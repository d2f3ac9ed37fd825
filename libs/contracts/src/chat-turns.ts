import { z } from 'zod';
import { ChatGraph } from './chat-graph.js';
import { ChatMessageSchema, chatSessionSettings, chatText } from './chat-sessions.js';
import { request, stream } from './contract.js';

const CONTENT_CHARACTERS_MAX = 400_000;

const content = chatText(CONTENT_CHARACTERS_MAX)
  .refine((value) => value.trim().length > 0, 'must not be empty')
  .meta({ example: 'Which block should come after the tokenizer?' });

/** How one answer is to be made. */
const answering = {
  model: z.string().min(1).max(128).nullish().meta({ example: 'gemma3:4b' }),
  max_tokens: z.number().int().positive().nullish().meta({ example: 512 }),
  temperature: z.number().min(0).max(2).nullish().meta({ example: 0.7 }),
  stream: z.boolean().default(false),
};
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
  max_tokens: answering.max_tokens,
  temperature: answering.temperature,
  stream: answering.stream,
});
export type StartChatRequest = z.infer<typeof StartChatRequest>;

/** POST …/{session_id}/message. */
export const SendChatMessageRequest = z.object({ user_message: content, ...answering, ...conflict });
export type SendChatMessageRequest = z.infer<typeof SendChatMessageRequest>;

/** A new answer in place of the last one. */
export const RegenerateChatRequest = z.object({ ...answering, ...conflict });
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

const turn = { model: answering.model, max_tokens: answering.max_tokens, temperature: answering.temperature };

/**
 * One turn of a session: never beside another one of the same session. An answer outlives its reader for a grace period,
 * in which {@link followAnswer} finds it. Raises `session_busy`, `not_found`, and what the model's answer may raise.
 */
export const sendMessage = stream('chat.send-message', {
  input: z.object({ ...session, user_message: content, ...turn, ...conflict }),
  part: ChatTurnEvent,
});

/** Replaces a message of the user and everything after it. */
export const editMessage = stream('chat.edit-message', {
  input: z.object({ ...message, user_message: content, ...turn, ...conflict }),
  part: ChatTurnEvent,
});

/** Replaces the last answer. */
export const regenerateAnswer = stream('chat.regenerate-answer', {
  input: z.object({ ...session, ...turn, ...conflict }),
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
