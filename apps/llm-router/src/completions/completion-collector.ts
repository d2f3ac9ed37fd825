import type { Completion, ToolCall } from '@tollgate/contracts';

/** The pieces of an answer, as providers write them and as parts of a stream carry them. */
export type AnswerPiece =
  | { type: 'delta'; text: string }
  | { type: 'reasoning'; text: string }
  | { type: 'tool_call'; index: number; id?: string; name?: string; arguments: string };

/** Puts the pieces of a streamed answer together to what a whole answer says. */
export class CompletionCollector {
  private content = '';
  private reasoning = '';
  private readonly toolCalls = new Map<number, ToolCall>();

  add(piece: AnswerPiece): void {
    switch (piece.type) {
      case 'delta':
        this.content += piece.text;
        break;
      case 'reasoning':
        this.reasoning += piece.text;
        break;
      case 'tool_call':
        this.addToCall(piece);
    }
  }

  get isEmpty(): boolean {
    return this.content === '' && this.reasoning === '' && this.toolCalls.size === 0;
  }

  /** All that the model wrote, for counting its tokens. */
  get text(): string {
    const calls = [...this.toolCalls.values()].map(({ function: { name, arguments: json } }) => name + json);
    return this.reasoning + this.content + calls.join('');
  }

  /** Of {@link text}, what the model thought before it answered. */
  get reasoningText(): string {
    return this.reasoning;
  }

  message(): Pick<Completion, 'content' | 'reasoning' | 'tool_calls'> {
    const calls = [...this.toolCalls].toSorted(([left], [right]) => left - right).map(([, call]) => call);
    return {
      content: this.content,
      ...(this.reasoning !== '' && { reasoning: this.reasoning }),
      ...(calls.length > 0 && { tool_calls: calls }),
    };
  }

  private addToCall({ index, id = '', name = '', arguments: json }: Extract<AnswerPiece, { type: 'tool_call' }>): void {
    const call = this.toolCalls.get(index);
    if (call) call.function.arguments += json;
    else this.toolCalls.set(index, { id, type: 'function', function: { name, arguments: json } });
  }
}
