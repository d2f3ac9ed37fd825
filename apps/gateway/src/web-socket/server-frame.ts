import { ChatEvent, ChatMessageSchema, ChatTurnEvent, type AppError } from '@tollgate/contracts';
import { z } from 'zod';
import { ErrorBody, errorResponse } from '../http/error-response.js';

const ref = z.string();
const answered = { ref, replayed: z.literal(true).optional() };

/** What the gateway says on /ws/chat. `ref` is the client's; `replayed` marks an answer kept by its idempotency key. */
export const WebSocketServerFrame = z.union([
  /** The first one. `expires_at` is when the connection ends unless it is authenticated anew. */
  z.object({
    type: z.literal('ready'),
    connection_id: z.uuid(),
    protocol: z.string(),
    expires_at: z.iso.datetime().nullable(),
  }),
  /** What is left of the plan's limits, as the headers that HTTP answers have. */
  z.object({ type: z.literal('quota'), ref, headers: z.record(z.string(), z.string()) }),
  /** To `message`: the events of POST /api/v1/llm/chat/stream. */
  ...ChatEvent.options.map((event) => event.extend(answered)),
  /** To `session.start`, `.message`, `.edit`, `.regenerate` and `.resume`: the events of their SSE streams. */
  ...ChatTurnEvent.options.map((event) => event.extend(answered)),
  /** The last one of an answer that was stopped before its end; to `session.stop` with the message as it was stored. */
  z.object({ type: z.literal('stopped'), ref, message: ChatMessageSchema.optional() }),
  z.object({
    type: z.literal('history'),
    ref,
    messages: z.array(z.object({ role: z.string(), content: z.string() })),
  }),
  z.object({ type: z.literal('cleared'), ref }),
  z.object({ type: z.literal('pong'), ref: ref.optional() }),
  z.object({ type: z.literal('authenticated'), ref, expires_at: z.iso.datetime().nullable() }),
  /** The last one of what it belongs to; without `ref` it is about the connection. */
  ErrorBody.extend({ type: z.literal('error'), ref: ref.optional(), replayed: answered.replayed }),
]);
export type WebSocketServerFrame = z.infer<typeof WebSocketServerFrame>;

export function errorFrame(error: AppError, requestId: string, ref?: string): WebSocketServerFrame {
  return { type: 'error', ...(ref !== undefined && { ref }), ...errorResponse(error, requestId).body };
}
