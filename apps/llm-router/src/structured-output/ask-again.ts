import type { CompletionRequest } from '@tollgate/contracts';

/** Longer schemas are not repeated: the provider has had them once. */
const SCHEMA_CHARACTERS_MAX = 8_000;

/** The same request with the model's answer and what is wrong with it. */
export function askAgain(
  request: CompletionRequest,
  { answer, problems, schema }: { answer: string; problems: string[]; schema: string | undefined },
): CompletionRequest {
  const corrections = [
    'Your answer is not what was asked for:',
    ...problems.map((problem) => `- ${problem}`),
    schema !== undefined && schema.length <= SCHEMA_CHARACTERS_MAX ? `It must match this JSON schema: ${schema}` : '',
    'Answer again with the corrected JSON and nothing else.',
  ].filter((line) => line !== '');
  return {
    ...request,
    messages: [
      ...request.messages,
      { role: 'assistant', content: answer },
      { role: 'user', content: corrections.join('\n') },
    ],
  };
}
