import type { ChatMessage, ResponseFormat, Tool, ToolChoice } from '@tollgate/contracts';
import { withJsonMentioned } from './json-mode.js';
import { toGrammarSchema } from './json-schema-lowering.js';
import { parseJson } from './parse-json.js';
import type { ProviderRequest } from './provider.js';

/** The body of POST /api/chat. */
export function ollamaBody(request: ProviderRequest): Record<string, unknown> {
  const { temperature, top_p, top_k, repeat_penalty, stop, seed } = request.sampling;
  const { messages, responseFormat } = request;
  const tools = allowedTools(request.tools, request.toolChoice);
  return {
    model: request.model,
    messages: (responseFormat?.type === 'json_object' ? withJsonMentioned(messages) : messages).map(toOllamaMessage),
    stream: true,
    format: formatOf(responseFormat),
    ...(tools.length > 0 && { tools }),
    // Without num_ctx Ollama cuts the prompt to its own default and says nothing.
    options: {
      num_predict: request.maxOutputTokens,
      num_ctx: request.contextLength,
      temperature,
      top_p,
      top_k,
      repeat_penalty,
      stop,
      seed,
    },
  };
}

function formatOf(format: ResponseFormat | undefined): unknown {
  switch (format?.type) {
    case 'json_object':
      return 'json';
    case 'json_schema':
      return toGrammarSchema(format.json_schema.schema);
    case 'text':
    case undefined:
      return undefined;
  }
}

/** Ollama has no tool_choice: "none" takes the tools away, a named one takes the others away, "required" is a wish. */
function allowedTools(tools: readonly Tool[] = [], choice: ToolChoice | undefined): readonly Tool[] {
  if (choice === 'none') return [];
  if (typeof choice !== 'object') return tools;
  return tools.filter(({ function: { name } }) => name === choice.function.name);
}

/** Ollama's calls have objects as arguments and no ids: a result names the function that it comes from. */
function toOllamaMessage(message: ChatMessage, _: number, all: readonly ChatMessage[]): Record<string, unknown> {
  switch (message.role) {
    case 'system':
    case 'user':
      return message;
    case 'assistant':
      return {
        role: 'assistant',
        content: message.content,
        tool_calls: message.tool_calls?.map(({ function: { name, arguments: json } }) => ({
          function: { name, arguments: parseJson(json) ?? {} },
        })),
      };
    case 'tool':
      return { role: 'tool', content: message.content, tool_name: nameOfCall(message.tool_call_id, all) };
  }
}

function nameOfCall(id: string, messages: readonly ChatMessage[]): string | undefined {
  const calls = messages.flatMap((message) => (message.role === 'assistant' ? (message.tool_calls ?? []) : []));
  return calls.findLast((call) => call.id === id)?.function.name;
}
