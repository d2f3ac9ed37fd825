import type { ChatMessage } from '@tollgate/contracts';
import { withoutLooseCalls } from './remembered-messages.js';

/** A message of the session as the model will read it: more than one where it is the results of functions. */
export interface Remembered {
  position: number;
  messages: readonly ChatMessage[];
}

export interface PromptParts {
  systemPrompt: string;
  /** What of the graph matters to the question, as text. */
  graph: string;
  summary: string;
  pinned: readonly Remembered[];
  question: Remembered;
}

export interface Window {
  messages: Remembered[];
  /** Tokens of them. */
  tokens: number;
  /** False when it reaches back to the first message there is. */
  isCut: boolean;
}

/**
 * The newest messages that fit, oldest first. Reads no further back than that, so that the length of the conversation does
 * not matter. Starts with a message of the user: an answer without its question misleads.
 */
export async function newestThatFit(
  newestFirst: AsyncIterable<Remembered>,
  budgetTokens: number,
  tokensOf: (messages: readonly ChatMessage[]) => number,
): Promise<Window> {
  const messages: Remembered[] = [];
  let tokens = 0;
  let isCut = false;
  for await (const remembered of newestFirst) {
    const size = tokensOf(remembered.messages);
    if (tokens + size > budgetTokens) {
      isCut = true;
      break;
    }
    tokens += size;
    messages.unshift(remembered);
  }
  while (isCut && messages[0] && messages[0].messages[0]?.role !== 'user') {
    const [first] = messages.splice(0, 1);
    if (first) tokens -= tokensOf(first.messages);
  }
  return { messages, tokens, isCut };
}

/** Instructions, the summary of what is not there any more, what is pinned or recent in its order, the question. */
export function promptOf(parts: PromptParts, window: readonly Remembered[]): ChatMessage[] {
  const recent = new Set(window.map(({ position }) => position));
  const conversation = [...parts.pinned.filter(({ position }) => !recent.has(position)), ...window];
  conversation.sort((a, b) => a.position - b.position);
  const said = [...conversation, parts.question].flatMap(({ messages }) => messages);
  return [...instructionsOf(parts), ...withoutLooseCalls(said)];
}

export function instructionsOf({
  systemPrompt,
  graph,
  summary,
}: Omit<PromptParts, 'pinned' | 'question'>): ChatMessage[] {
  const instructions: ChatMessage[] = [];
  if (systemPrompt) instructions.push({ role: 'system', content: systemPrompt });
  if (graph) instructions.push({ role: 'system', content: graph });
  if (summary) instructions.push({ role: 'system', content: `Summary of the conversation so far:\n${summary}` });
  return instructions;
}

const speakers = { system: 'System', user: 'User', assistant: 'Assistant', tool: 'Result of a function' } as const;

function textOf(message: ChatMessage): string {
  if (message.role !== 'assistant' || !message.tool_calls) return message.content;
  const calls = message.tool_calls.map(({ function: { name, arguments: json } }) => `calls ${name}(${json})`);
  return [message.content, ...calls].filter((part) => part !== '').join(' ');
}

/** What a model is asked so that the messages can leave the prompt. */
export function summaryPromptOf(
  summary: string,
  messages: readonly Remembered[],
  charactersMax: number,
): ChatMessage[] {
  const transcript = messages
    .flatMap((remembered) => remembered.messages)
    .map((message) => `${speakers[message.role]}: ${textOf(message).slice(0, Math.floor(charactersMax))}`);
  const notes = summary || '(none)';
  return [
    {
      role: 'system',
      content:
        'You keep the notes of a conversation. Merge the notes so far and the new messages into one summary. ' +
        'Keep names, numbers, decisions and open questions; leave out pleasantries. Answer with the summary alone.',
    },
    { role: 'user', content: `NOTES SO FAR:\n${notes}\n\nNEW MESSAGES:\n${transcript.join('\n')}\n\nSUMMARY:` },
  ];
}
