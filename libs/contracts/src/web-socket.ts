import { z } from 'zod';
import { ChatRequest } from './chat.js';
import {
  EditChatMessageRequest,
  RegenerateChatRequest,
  SendChatMessageRequest,
  StartChatRequest,
} from './chat-turns.js';

/** The subprotocol of /ws/chat. A client may leave it out. */
export const CHAT_SUBPROTOCOL = 'tollgate.chat.v1';

const REF_CHARACTERS_MAX = 64;
const ID_CHARACTERS_MAX = 128;

/** Chosen by the client; every frame that comes of this one carries it. */
const ref = z
  .string()
  .min(1, 'must not be empty')
  .max(REF_CHARACTERS_MAX, `must have at most ${REF_CHARACTERS_MAX} characters`)
  .meta({ example: '1' });

/** As the header of the same name. */
const idempotency_key = z
  .string()
  .regex(/^[\x21-\x7e]{1,255}$/, 'must have 1 to 255 printable ASCII characters without spaces')
  .optional();

/** What is no id does not exist, and is told so. */
const id = z.string().max(ID_CHARACTERS_MAX);
const call = { ref, idempotency_key };

/** What a client says on /ws/chat: one JSON object in a text frame. docs/websocket.md has them with their answers. */
export const WebSocketClientFrame = z.discriminatedUnion('type', [
  /** The next message of the conversation that this connection remembers. */
  ChatRequest.omit({ conversation_history: true, user_id: true }).extend({ type: z.literal('message'), ...call }),
  z.object({ type: z.literal('history'), ref }),
  z.object({ type: z.literal('clear'), ref }),
  StartChatRequest.omit({ user_id: true, stream: true }).extend({ type: z.literal('session.start'), ...call }),
  SendChatMessageRequest.omit({ stream: true }).extend({
    type: z.literal('session.message'),
    session_id: id,
    ...call,
  }),
  EditChatMessageRequest.omit({ stream: true }).extend({
    type: z.literal('session.edit'),
    session_id: id,
    message_id: id,
    ...call,
  }),
  RegenerateChatRequest.omit({ stream: true }).extend({
    type: z.literal('session.regenerate'),
    session_id: id,
    ...call,
  }),
  /** The rest of an answer after the event `last_event_id`, or all of it. */
  z.object({
    type: z.literal('session.resume'),
    ref,
    session_id: id,
    message_id: id,
    last_event_id: z
      .string()
      .regex(/^\d{1,15}$/, 'is not the id of an event')
      .optional(),
  }),
  /** Stops an answer, whoever asked for it. */
  z.object({ type: z.literal('session.stop'), ref, session_id: id, message_id: id }),
  /** Stops what was asked with the same `ref` on this connection. */
  z.object({ type: z.literal('stop'), ref }),
  z.object({ type: z.literal('ping'), ref: ref.optional() }),
  /** Goes on with another token of the same user, by a ticket made with it. */
  z.object({ type: z.literal('authenticate'), ref, ticket: z.string().max(ID_CHARACTERS_MAX) }),
]);
export type WebSocketClientFrame = z.infer<typeof WebSocketClientFrame>;

/** POST /api/v1/ws/tickets. */
export const WebSocketTicket = z.object({
  /** For one handshake at /ws/chat?ticket=…, on any gateway. */
  ticket: z.string(),
  expires_at: z.iso.datetime(),
});
export type WebSocketTicket = z.infer<typeof WebSocketTicket>;
