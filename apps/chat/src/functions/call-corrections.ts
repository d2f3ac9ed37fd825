import type { ChatMessage, ToolCall } from '@tollgate/contracts';

const REFUSED = 'Not called: another call of this answer was not valid. Ask for it again.';

/** What the model wrote and, as the result of each of its calls, what was wrong with it. */
export function callCorrections(
  text: string,
  calls: readonly ToolCall[],
  problems: readonly (readonly string[])[],
): ChatMessage[] {
  const results = calls.map(({ id }, index): ChatMessage => {
    const wrong = problems[index] ?? [];
    const lines = ['Error: the arguments are not valid:', ...wrong.map((problem) => `- ${problem}`)];
    const advice = 'Call the function again with corrected arguments.';
    return { role: 'tool', tool_call_id: id, content: wrong.length > 0 ? [...lines, advice].join('\n') : REFUSED };
  });
  return [{ role: 'assistant', content: text, tool_calls: [...calls] }, ...results];
}
