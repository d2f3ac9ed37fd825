import type { ChatMessage, ResponseFormat } from '@tollgate/contracts';

const askForJson: ChatMessage = { role: 'system', content: 'Answer with one JSON object and nothing else.' };

/** Providers refuse their JSON mode, or write spaces for ever, when no message speaks of JSON. */
export function withJsonMentioned(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  return messages.some(({ content }) => /json/i.test(content)) ? messages : [askForJson, ...messages];
}

/** For providers that take no schema: it stands in the prompt. */
export function withSchemaInPrompt(
  messages: readonly ChatMessage[],
  { json_schema }: Extract<ResponseFormat, { type: 'json_schema' }>,
): readonly ChatMessage[] {
  const content = `${askForJson.content} It must be valid against this JSON schema:\n${JSON.stringify(json_schema.schema)}`;
  return [{ role: 'system', content }, ...messages];
}
