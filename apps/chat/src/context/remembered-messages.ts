import type { ChatMessage, ToolCall } from '@tollgate/contracts';
import type { ChatMessage as ChatMessageRow } from '@tollgate/database';
import { StoredCalls, StoredResults } from '../functions/stored-calls.js';

/** A stored message as a model reads it: one with the results of several calls is several. */
export function rememberedMessages({
  sender,
  content,
  toolCalls,
  toolResults,
}: Pick<ChatMessageRow, 'sender' | 'content' | 'toolCalls' | 'toolResults'>): ChatMessage[] {
  switch (sender) {
    case 'user':
      return [{ role: 'user', content }];
    case 'llm': {
      const calls = StoredCalls.parse(toolCalls);
      return [{ role: 'assistant', content, ...(calls && { tool_calls: calls }) }];
    }
    case 'tool':
      return (StoredResults.parse(toolResults) ?? []).map((result) => ({ role: 'tool', ...result }));
  }
}

/**
 * A conversation that providers take: calls stand directly before all of their results. A call that its user never
 * answered, or one of the two that did not fit into the prompt, would have the whole request refused.
 */
export function withoutLooseCalls(messages: readonly ChatMessage[]): ChatMessage[] {
  const kept: ChatMessage[] = [];
  for (let index = 0; index < messages.length; index += 1) {
    const message = messages[index];
    if (!message || message.role === 'tool') continue;
    if (message.role !== 'assistant' || !message.tool_calls) {
      kept.push(message);
      continue;
    }
    const results = resultsAfter(messages, index);
    if (isAnswered(message.tool_calls, results)) kept.push(message, ...results);
    else if (message.content !== '') kept.push({ role: 'assistant', content: message.content });
  }
  return kept;
}

function resultsAfter(messages: readonly ChatMessage[], index: number): Extract<ChatMessage, { role: 'tool' }>[] {
  const results: Extract<ChatMessage, { role: 'tool' }>[] = [];
  for (const message of messages.slice(index + 1)) {
    if (message.role !== 'tool') break;
    results.push(message);
  }
  return results;
}

function isAnswered(calls: readonly ToolCall[], results: readonly { tool_call_id: string }[]): boolean {
  const ids = new Set(results.map(({ tool_call_id: id }) => id));
  return ids.size === calls.length && calls.every(({ id }) => ids.has(id));
}
