import type { ChatMessage, ResponseFormat } from '@tollgate/contracts';
import { withJsonMentioned, withSchemaInPrompt } from './json-mode.js';
import { fitsStrictMode } from './json-schema-lowering.js';
import type { ProviderRequest } from './provider.js';
import type { Quirks } from './quirks.js';

type Fields = Record<string, unknown>;

/** The body of POST /chat/completions for an endpoint with these quirks. */
export function openAiBody(request: ProviderRequest, quirks: Quirks): Fields {
  const { temperature, top_p, top_k, repeat_penalty, stop, seed } = request.sampling;
  const { messages, fields } = formatFields(request.messages, request.responseFormat, quirks);
  return {
    model: request.model,
    messages,
    stream: true,
    ...streamOptions(quirks),
    [quirks.maxTokensField]: request.maxOutputTokens,
    temperature,
    top_p,
    stop,
    seed,
    ...(quirks.topKField && { [quirks.topKField]: top_k }),
    ...(quirks.repeatPenaltyField && { [quirks.repeatPenaltyField]: repeat_penalty }),
    ...(request.tools?.length && { tools: request.tools, tool_choice: request.toolChoice }),
    ...fields,
  };
}

function streamOptions({ usage }: Quirks): Fields {
  switch (usage) {
    case 'last_chunk':
      return { stream_options: { include_usage: true } };
    case 'every_chunk':
      return { stream_options: { include_usage: true, continuous_usage_stats: true } };
    case 'not_asked':
      return {};
  }
}

function formatFields(
  messages: readonly ChatMessage[],
  format: ResponseFormat | undefined,
  quirks: Quirks,
): { messages: readonly ChatMessage[]; fields: Fields } {
  const jsonObject = { response_format: { type: 'json_object' } };
  if (!format || format.type === 'text') return { messages, fields: {} };
  if (format.type === 'json_object') return { messages: withJsonMentioned(messages), fields: jsonObject };
  const { json_schema } = format;
  switch (quirks.jsonSchema) {
    case 'response_format':
      return { messages, fields: { response_format: format } };
    case 'response_format_strict': {
      const strict = json_schema.strict !== false && fitsStrictMode(json_schema.schema);
      return { messages, fields: { response_format: { ...format, json_schema: { ...json_schema, strict } } } };
    }
    case 'structured_outputs':
      return { messages, fields: { structured_outputs: { json: json_schema.schema } } };
    case 'prompt':
      return { messages: withSchemaInPrompt(messages, format), fields: jsonObject };
  }
}
