import type { ChatToolResult, ToolCall } from '@tollgate/contracts';
import type { Prisma } from '@tollgate/database';
import { v7 as uuidv7 } from 'uuid';
import { z } from 'zod';
import type { OfferedFunctions } from '../functions/function-offers.service.js';

const TITLE_CHARACTERS = 80;
const StoredJson = z.record(z.string(), z.json());

/** What is said to the model: words of the user, or what functions gave that it had called. */
export type Said = { content: string } | { toolResults: readonly ChatToolResult[] };

export interface TurnDraft {
  sessionId: string;
  number: number;
  requestId: string;
  /** Absent where an answer is written anew; then there is `userMessageId`. */
  said?: Said;
  userMessageId?: string;
  functions?: OfferedFunctions;
}

export interface TurnRows {
  userMessageId: string;
  answer: { id: string; position: number };
  all: Prisma.ChatMessageCreateManyInput[];
}

/** Turn t has its question at position 2t and its answer at 2t + 1. */
export function turnRows({ sessionId, number, requestId, said, functions, ...draft }: TurnDraft): TurnRows {
  const userMessageId = draft.userMessageId ?? uuidv7();
  const answer = { id: uuidv7(), position: 2 * number + 1 };
  const shared = { sessionId, requestId };
  const all: Prisma.ChatMessageCreateManyInput[] = [
    {
      ...shared,
      ...answer,
      sender: 'llm',
      state: 'running',
      content: '',
      ...(functions && { functions: StoredJson.parse(functions) }),
    },
  ];
  if (said) all.unshift({ ...shared, ...questionOf(said), id: userMessageId, position: 2 * number, state: 'complete' });
  return { userMessageId, answer, all };
}

/** The results' texts are its content, too: for people, for search and for exports. */
function questionOf(said: Said) {
  if ('content' in said) return { sender: 'user', content: said.content } as const;
  const toolResults = said.toolResults.map(({ tool_call_id, content }) => ({ tool_call_id, content }));
  return { sender: 'tool', content: toolResults.map(({ content }) => content).join('\n\n'), toolResults } as const;
}

/** Exactly one result for each call. */
export function answersAll(results: readonly ChatToolResult[], calls: readonly ToolCall[]): boolean {
  const ids = new Set(results.map(({ tool_call_id: id }) => id));
  return ids.size === results.length && ids.size === calls.length && calls.every(({ id }) => ids.has(id));
}

/** The first line of a conversation. */
export function titleOf(content: string): string {
  const line = content.trim().replaceAll(/\s+/g, ' ');
  return line.length <= TITLE_CHARACTERS ? line : `${line.slice(0, TITLE_CHARACTERS - 1)}…`;
}
