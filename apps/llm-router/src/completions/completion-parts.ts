import type { Completion, CompletionPart, ToolCall } from '@tollgate/contracts';

/** Characters of a piece in which a whole answer is streamed. */
const PIECE_CHARACTERS = 256;

type CompletionEnd = Extract<CompletionPart, { type: 'end' }>;

/** Puts the parts of a stream together to the whole answer. A second start begins anew. */
export class PartCollector {
  private content = '';
  private reasoning = '';
  private calls: ToolCall[] = [];

  /** The whole answer once its end is there. */
  add(part: CompletionPart): Completion | undefined {
    switch (part.type) {
      case 'start':
        this.content = this.reasoning = '';
        this.calls = [];
        return undefined;
      case 'delta':
        this.content += part.text;
        return undefined;
      case 'reasoning':
        this.reasoning += part.text;
        return undefined;
      case 'tool_call':
        this.addToCall(part);
        return undefined;
      case 'end':
        return this.whole(part);
      default:
        return part satisfies never;
    }
  }

  private addToCall({ index, id, name, arguments: text }: Extract<CompletionPart, { type: 'tool_call' }>): void {
    const call = (this.calls[index] ??= { id: '', type: 'function', function: { name: '', arguments: '' } });
    if (id !== undefined) call.id = id;
    if (name !== undefined) call.function.name = name;
    call.function.arguments += text;
  }

  private whole({ type: _, ...end }: CompletionEnd): Completion {
    const calls = this.calls.filter((call) => call !== undefined);
    return {
      ...end,
      content: this.content,
      ...(this.reasoning !== '' && { reasoning: this.reasoning }),
      ...(calls.length > 0 && { tool_calls: calls }),
    };
  }
}

/** A whole answer as the parts of a stream. */
export function* partsOf(completion: Completion): Generator<CompletionPart, void> {
  const { content, reasoning, tool_calls: calls = [], ...end } = completion;
  yield { type: 'start', model: end.model, provider: end.provider, cache: end.cache };
  if (reasoning !== undefined) yield { type: 'reasoning', text: reasoning };
  for (const text of piecesOf(content)) yield { type: 'delta', text };
  for (const [index, { id, function: called }] of calls.entries()) {
    yield { type: 'tool_call', index, id, name: called.name, arguments: called.arguments };
  }
  yield { type: 'end', ...end };
}

/** By code points: half of a surrogate pair would not survive its way. */
function* piecesOf(text: string): Generator<string, void> {
  for (let start = 0, end; start < text.length; start = end) {
    end = Math.min(start + PIECE_CHARACTERS, text.length);
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end += 1;
    yield text.slice(start, end);
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
