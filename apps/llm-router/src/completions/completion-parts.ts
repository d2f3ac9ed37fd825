import type { Completion, CompletionPart } from '@tollgate/contracts';
import { CompletionCollector } from './completion-collector.js';

/** Characters of a piece in which a whole answer is streamed. */
const PIECE_CHARACTERS = 256;

/** Puts the parts of a stream together to the whole answer. A second start begins anew. */
export class PartCollector {
  private collector = new CompletionCollector();

  /** The whole answer once its end is there. */
  add(part: CompletionPart): Completion | undefined {
    if (part.type === 'start') this.collector = new CompletionCollector();
    else if (part.type !== 'end') this.collector.add(part);
    else {
      const { type: _, ...end } = part;
      return { ...end, ...this.collector.message() };
    }
    return undefined;
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
