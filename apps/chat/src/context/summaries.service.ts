import { complete } from '@tollgate/contracts';
import { countPromptTokens, type TokenizerFamily } from '@tollgate/llm';
import { Messages } from '@tollgate/messaging';
import { Logger } from '@tollgate/observability';
import { Injectable } from '@nestjs/common';
import { metrics } from '../coordination/metrics.js';
import { ContextStore } from './context-store.js';
import { newestThatFit, summaryPromptOf, type Remembered } from './prompt.js';

/** Of the room for the conversation: what stays word for word after a fold. So there is one fold for many turns. */
const KEPT_SHARE = 0.5;
const SUMMARY_TOKENS_MAX = 400;
/** Cautious: a message that is longer than a whole fold is cut to what fits in any language. */
const CHARACTERS_PER_TOKEN = 1.3;

export interface FoldOptions {
  /** Tokens for the conversation. */
  room: number;
  family: TokenizerFamily;
  /** The one that answers; its context is what the room was measured by. */
  model: string | undefined;
}

interface Summarised {
  id: string;
  summary: string;
  summaryThrough: number;
}

/**
 * Folds the oldest messages into the session's summary. Every message is summed up once, by a call of the model that is billed
 * like any other and stands in the ledger as `chat-summary`.
 */
@Injectable()
export class Summaries {
  constructor(
    private readonly messages: Messages,
    private readonly store: ContextStore,
    private readonly logger: Logger,
  ) {}

  /** At most half of the room in one fold, so that a turn's cost is bounded. Undefined when it failed: the next turn tries again. */
  async fold(session: Summarised, before: number, { room, family, model }: FoldOptions) {
    const budget = Math.floor(room * KEPT_SHARE);
    const tokensOf = (messages: Remembered['messages']) => countPromptTokens(messages, family, room);
    const newest = this.store.newestFirst(session.id, { after: session.summaryThrough, before });
    const kept = await newestThatFit(newest, budget, tokensOf);
    const keptFrom = kept.messages[0]?.position ?? before;
    const oldest = this.store.oldestFirst(session.id, { after: session.summaryThrough, before: keptFrom });
    const folded = await firstThatFit(oldest, budget, tokensOf);
    const last = folded.at(-1);
    if (!last) return undefined;
    try {
      const { content } = await this.messages.send(complete, {
        task: 'chat-summary',
        messages: summaryPromptOf(session.summary, folded, budget * CHARACTERS_PER_TOKEN),
        model,
        max_tokens: SUMMARY_TOKENS_MAX,
        temperature: 0,
        cache: { use: false },
      });
      const summary = content.replaceAll('\0', '');
      await this.store.saveSummary(session.id, summary, last.position);
      metrics.summaries.inc({ outcome: 'ok' });
      return { summary, summaryThrough: last.position };
    } catch (error) {
      metrics.summaries.inc({ outcome: 'failed' });
      this.logger.warn('A summary failed; the prompt is trimmed instead.', { session_id: session.id, err: error });
      return undefined;
    }
  }
}

/** One that is too long by itself is folded alone: nothing may block what comes after it. */
async function firstThatFit(
  oldestFirst: AsyncIterable<Remembered>,
  budgetTokens: number,
  tokensOf: (messages: Remembered['messages']) => number,
): Promise<Remembered[]> {
  const messages: Remembered[] = [];
  let tokens = 0;
  for await (const remembered of oldestFirst) {
    tokens += tokensOf(remembered.messages);
    if (messages.length > 0 && tokens > budgetTokens) break;
    messages.push(remembered);
  }
  return messages;
}
