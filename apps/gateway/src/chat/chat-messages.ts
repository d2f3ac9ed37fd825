import type { ChatMessage, ChatRequest, ChatResponse, CompletionRequest, FinishReason } from '@tollgate/contracts';
import { parseJson } from '../http/parse-json.js';

/** Instructions first, then the conversation as it was, then what the user says now. */
export function buildChatMessages(body: ChatRequest): ChatMessage[] {
  return [
    ...(body.context ? [contextMessage(body.context)] : []),
    // Providers refuse or ignore their JSON mode when no message speaks of JSON.
    ...(body.structured_output
      ? [{ role: 'system' as const, content: 'Answer with one JSON object, nothing else.' }]
      : []),
    ...(body.conversation_history ?? []),
    { role: 'user', content: body.message },
  ];
}

export function completionRequestFor(body: ChatRequest): CompletionRequest {
  return {
    task: 'chat',
    messages: buildChatMessages(body),
    model: body.model ?? undefined,
    max_tokens: body.max_tokens ?? undefined,
    temperature: body.temperature,
    response_format: body.structured_output ? { type: 'json_object' } : undefined,
  };
}

export function confidenceOf(finishReason: FinishReason): number {
  return finishReason === 'stop' ? 1 : 0.5;
}

/** Null for anything but a JSON object. */
export function parseStructuredData(answer: string): ChatResponse['structured_data'] {
  const data = parseJson(answer);
  return isObject(data) ? data : null;
}

/** On one line, as JSON.stringify writes it, so that no value in it can close the fence. */
function contextMessage(context: Record<string, unknown>): ChatMessage {
  const json = JSON.stringify(context);
  return { role: 'system', content: `Context given by the application, as JSON:\n\`\`\`json\n${json}\n\`\`\`` };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
