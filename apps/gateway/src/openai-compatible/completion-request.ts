import type { ChatMessage, CompletionRequest, OpenAiChatRequest } from '@tollgate/contracts';

/** What OpenAI's clients ask for, as the router is asked. */
export function completionRequestOf(body: OpenAiChatRequest): CompletionRequest {
  const { stop, use_cache: useCache } = body;
  return {
    task: 'chat',
    messages: body.messages.map((message) => toChatMessage(message)),
    model: body.model ?? undefined,
    max_tokens: body.max_completion_tokens ?? body.max_tokens ?? undefined,
    temperature: body.temperature ?? undefined,
    top_p: body.top_p ?? undefined,
    top_k: body.top_k ?? undefined,
    seed: body.seed ?? undefined,
    stop: typeof stop === 'string' ? [stop] : stop?.length ? stop : undefined,
    tools: body.tools ?? undefined,
    tool_choice: body.tool_choice ?? undefined,
    response_format: body.response_format ?? undefined,
    cache: typeof useCache === 'boolean' ? { use: useCache } : undefined,
  };
}

function toChatMessage(message: OpenAiChatRequest['messages'][number]): ChatMessage {
  switch (message.role) {
    case 'developer':
    case 'system':
      return { role: 'system', content: message.content };
    case 'user':
      return { role: 'user', content: message.content };
    case 'assistant': {
      const { content, tool_calls: calls } = message;
      return { role: 'assistant', content, ...(calls?.length && { tool_calls: calls }) };
    }
    case 'tool':
      return message;
    default:
      return message satisfies never;
  }
}
