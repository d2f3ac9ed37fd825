import { ChatGraph, type ChatMessage, type ModelChoice, type Tool } from '@tollgate/contracts';
import type { ChatSession } from '@tollgate/database';
import {
  contextLengthExceeded,
  contextUsage,
  countPromptTokens,
  countTokens,
  tokenizerFamilyOf,
  type TokenizerFamily,
} from '@tollgate/llm';
import { Inject, Injectable } from '@nestjs/common';
import { metrics } from '../coordination/metrics.js';
import { graphPrompt } from '../generation/graph-prompt.js';
import { ContextStore } from './context-store.js';
import { instructionsOf, newestThatFit, promptOf, type PromptParts, type Remembered, type Window } from './prompt.js';
import { Summaries } from './summaries.service.js';

export const CONTEXT_TOKENS_MAX = Symbol('context tokens max');

/** Kept free for the answer unless the client says how long it may be. */
const ANSWER_TOKENS = 1_024;
/** Of the model's context: the most that an answer may claim of it. */
const ANSWER_SHARE_MAX = 0.5;
const GRAPH_SHARE = 0.25;
/** Behind every message there can be. */
const AFTER_ALL = 2 ** 31 - 1;

/** Of a session, what its prompts are made from. */
type PromptSession = Pick<ChatSession, 'id' | 'systemPrompt' | 'history' | 'summary' | 'summaryThrough' | 'graph'>;

export interface PromptTurn {
  session: PromptSession;
  userMessageId: string;
}

/** A question beside the turns of a session, or without one. */
export interface LooseQuestion {
  session?: PromptSession;
  systemPrompt: string;
  graph?: ChatGraph;
  question: string;
}

export interface PromptRequest {
  /** As the client asked for it. */
  model?: string;
  answerTokens?: number;
  /** Functions that are offered: they take room like a message. */
  tools?: readonly Tool[];
}

/** What the model is shown of a session: bounded by its context, and by the operator's idea of what a turn may cost. */
@Injectable()
export class ChatContext {
  constructor(
    private readonly store: ContextStore,
    private readonly summaries: Summaries,
    @Inject(CONTEXT_TOKENS_MAX) private readonly tokensMax: number,
  ) {}

  /** Raises `context_length_exceeded` when instructions, pinned messages and the question alone are too long. */
  async promptFor(turn: PromptTurn, choice: ModelChoice, request: PromptRequest): Promise<ChatMessage[]> {
    const { session } = turn;
    const { budget, family } = this.limitsOf(choice, request);
    const observeLoad = metrics.contextLoad.startTimer();
    const question = await this.store.question(turn.userMessageId);
    const pinned = await this.store.pinned(session.id, question.position);
    const graph = graphOf(session.graph, question, budget, family);
    let parts: PromptParts = { systemPrompt: session.systemPrompt, graph, summary: session.summary, pinned, question };
    let room = roomBeside(parts, { model: choice.model, budget, family });
    let window = await this.windowOf(session, parts, room, family);
    observeLoad();
    if (session.history === 'summarise' && window.isCut) {
      const folded = await this.summaries.fold(session, question.position, { room, family, model: request.model });
      if (folded) {
        parts = { ...parts, summary: folded.summary };
        room = roomBeside(parts, { model: choice.model, budget, family });
        window = await this.windowOf({ ...session, ...folded }, parts, room, family);
      }
    }
    metrics.promptTokens.observe(budget - room + window.tokens);
    return promptOf(parts, window.messages);
  }

  /** The same for a question that is no turn of the session: it reads the conversation and changes nothing. */
  async promptForQuestion(loose: LooseQuestion, choice: ModelChoice, request: PromptRequest): Promise<ChatMessage[]> {
    const { session, systemPrompt } = loose;
    const { budget, family } = this.limitsOf(choice, request);
    const question: Remembered = { position: AFTER_ALL, messages: [{ role: 'user', content: loose.question }] };
    const pinned = session ? await this.store.pinned(session.id, AFTER_ALL) : [];
    const graph = graphOf(loose.graph ?? null, question, budget, family);
    const parts: PromptParts = { systemPrompt, graph, summary: session?.summary ?? '', pinned, question };
    const room = roomBeside(parts, { model: choice.model, budget, family });
    const window = session ? await this.windowOf(session, parts, room, family) : undefined;
    return promptOf(parts, window?.messages ?? []);
  }

  private limitsOf(choice: ModelChoice, request: PromptRequest): { budget: number; family: TokenizerFamily } {
    const answer = Math.min(
      request.answerTokens ?? ANSWER_TOKENS,
      Math.floor(choice.context_length * ANSWER_SHARE_MAX),
    );
    const family = tokenizerFamilyOf(choice.tokenizer);
    const offered = request.tools?.length
      ? countTokens(JSON.stringify(request.tools), family, choice.context_length)
      : 0;
    return { budget: Math.min(this.tokensMax, choice.context_length - answer) - offered, family };
  }

  /** What is pinned is there anyway and takes no room in it. */
  private windowOf(
    session: PromptSession,
    { pinned, question }: PromptParts,
    room: number,
    family: TokenizerFamily,
  ): Promise<Window> {
    const after = session.history === 'summarise' ? session.summaryThrough : -1;
    const messages = this.store.newestFirst(session.id, { after, before: question.position });
    const isPinned = new Set(pinned.map(({ position }) => position));
    return newestThatFit(without(messages, isPinned), room, (remembered) =>
      countPromptTokens(remembered, family, room),
    );
  }
}

/** The part of it that matters to the question; it may take a share of the prompt and no more. */
function graphOf(stored: unknown, { messages }: Remembered, budget: number, family: TokenizerFamily): string {
  if (stored === null) return '';
  const share = Math.floor(budget * GRAPH_SHARE);
  const question = messages.map(({ content }) => content).join('\n');
  return graphPrompt(ChatGraph.parse(stored), question, share, (text) => countTokens(text, family));
}

/** Tokens left for the conversation. */
function roomBeside(
  parts: PromptParts,
  { model, budget, family }: { model: string; budget: number; family: TokenizerFamily },
): number {
  const fixed = [...instructionsOf(parts), ...[...parts.pinned, parts.question].flatMap(({ messages }) => messages)];
  const used = countPromptTokens(fixed, family, budget);
  if (used > budget) throw contextLengthExceeded(model, contextUsage(used, budget), 'user_message');
  return budget - used;
}

async function* without(messages: AsyncIterable<Remembered>, positions: ReadonlySet<number>) {
  for await (const message of messages) if (!positions.has(message.position)) yield message;
}
