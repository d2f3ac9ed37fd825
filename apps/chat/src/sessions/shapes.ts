import { Usage, type Caller, type ChatMessageSchema, type ChatSessionSchema } from '@tollgate/contracts';
import type { ChatMessage, ChatSession } from '@tollgate/database';
import { StoredCalls, StoredResults } from '../functions/stored-calls.js';

const senders = { user: 'user', llm: 'LLM', tool: 'tool' } as const;

export function senderShape(sender: ChatMessage['sender']): ChatMessageSchema['sender'] {
  return senders[sender];
}

/** What the caller may see: their own. Everything else does not exist for them. */
export function ownedBy({ account_id, user_id }: Caller) {
  return { accountId: account_id, userId: user_id };
}

export function sessionShape(session: ChatSession): ChatSessionSchema {
  return {
    session_id: session.id,
    user_id: session.userId,
    created_at: session.createdAt.toISOString(),
    last_active: session.lastActive.toISOString(),
    title: session.title,
    model: session.model,
    system_prompt: session.systemPrompt,
    history: session.history,
    summary: session.summary,
    turns: session.turn,
    forked_from: session.forkedFrom,
  };
}

export function messageShape(message: ChatMessage): ChatMessageSchema {
  const usage = message.usage === null ? null : Usage.parse(message.usage);
  return {
    message_id: message.id,
    session_id: message.sessionId,
    sender: senderShape(message.sender),
    content: message.content,
    timestamp: message.createdAt.toISOString(),
    position: message.position,
    state: message.state,
    pinned: message.pinned,
    superseded: message.supersededBy !== null,
    model: message.model,
    tokens: usage?.output_tokens ?? null,
    usage,
    tool_calls: StoredCalls.parse(message.toolCalls),
    tool_results: StoredResults.parse(message.toolResults),
    finish_reason: message.finishReason,
    error_code: message.errorCode,
  };
}
