import type { ChatMessage } from '@tollgate/contracts';
import { countPromptTokens } from '@tollgate/llm';

interface Exchange {
  messages: [question: ChatMessage, answer: ChatMessage];
  tokens: number;
}

/**
 * What one connection has said and heard: the newest exchanges that fit into `tokensMax`. A question leaves together with its
 * answer, since an answer without its question misleads. Tokens are counted for the family that splits the most.
 */
export class Conversation {
  private exchanges: Exchange[] = [];

  constructor(private readonly tokensMax: number) {}

  get messages(): ChatMessage[] {
    return messagesOf(this.exchanges);
  }

  /** As much of it as fits beside what is said next. */
  before(question: string): ChatMessage[] {
    return messagesOf(this.newest(this.tokensMax - this.count([{ role: 'user', content: question }])));
  }

  add(question: string, answer: string): void {
    const messages: Exchange['messages'] = [
      { role: 'user', content: question },
      { role: 'assistant', content: answer },
    ];
    this.exchanges.push({ messages, tokens: this.count(messages) });
    this.exchanges = this.newest(this.tokensMax);
  }

  clear(): void {
    this.exchanges = [];
  }

  private newest(budgetTokens: number): Exchange[] {
    let tokens = 0;
    const first = this.exchanges.findLastIndex((exchange) => (tokens += exchange.tokens) > budgetTokens);
    return this.exchanges.slice(first + 1);
  }

  private count(messages: ChatMessage[]): number {
    return countPromptTokens(messages, 'gemma', this.tokensMax);
  }
}

function messagesOf(exchanges: Exchange[]): ChatMessage[] {
  return exchanges.flatMap(({ messages }) => messages);
}
