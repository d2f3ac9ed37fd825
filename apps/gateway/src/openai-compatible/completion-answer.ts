import type {
  Completion,
  CompletionPart,
  OpenAiChatCompletion,
  OpenAiChunk,
  OpenAiDelta,
  OpenAiUsage,
  Usage,
} from '@tollgate/contracts';

/** What all chunks of an answer have in common. */
export interface AnswerIdentity {
  id: string;
  /** Seconds since 1970. */
  created: number;
}

export function toChatCompletion(completion: Completion, identity: AnswerIdentity): OpenAiChatCompletion {
  const { content, reasoning, tool_calls: calls, finish_reason, model, usage } = completion;
  const message = {
    role: 'assistant' as const,
    content: content === '' && calls ? null : content,
    refusal: null,
    ...(reasoning !== undefined && { reasoning_content: reasoning }),
    ...(calls && { tool_calls: calls }),
  };
  return {
    ...identity,
    object: 'chat.completion',
    model,
    choices: [{ index: 0, message, logprobs: null, finish_reason }],
    usage: toOpenAiUsage(usage),
  };
}

/** In the order of OpenAI: the role, the pieces, why it ended, the usage if it was asked for. */
export class ChunkWriter {
  private model = '';

  constructor(
    private readonly identity: AnswerIdentity,
    private readonly withUsage: boolean,
  ) {}

  chunksOf(part: CompletionPart): OpenAiChunk[] {
    switch (part.type) {
      case 'start':
        this.model = part.model;
        return [this.chunk({ role: 'assistant', content: '' })];
      case 'delta':
        return [this.chunk({ content: part.text })];
      case 'reasoning':
        return [this.chunk({ reasoning_content: part.text })];
      case 'tool_call':
        return [this.chunk({ tool_calls: [toCallDelta(part)] })];
      case 'end': {
        const last = this.chunk({}, part.finish_reason);
        return this.withUsage ? [last, { ...last, choices: [], usage: toOpenAiUsage(part.usage) }] : [last];
      }
      default:
        return part satisfies never;
    }
  }

  private chunk(delta: OpenAiDelta, finishReason: Completion['finish_reason'] | null = null): OpenAiChunk {
    return {
      ...this.identity,
      object: 'chat.completion.chunk',
      model: this.model,
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
      ...(this.withUsage && { usage: null }),
    };
  }
}

/** Only the first piece of a call says which one it is. */
function toCallDelta({ index, id, name, arguments: text }: Extract<CompletionPart, { type: 'tool_call' }>) {
  return {
    index,
    ...(id !== undefined && { id, type: 'function' as const }),
    function: { ...(name !== undefined && { name }), arguments: text },
  };
}

function toOpenAiUsage({ input_tokens, output_tokens, cached_tokens, reasoning_tokens = 0 }: Usage): OpenAiUsage {
  return {
    prompt_tokens: input_tokens,
    completion_tokens: output_tokens,
    total_tokens: input_tokens + output_tokens,
    prompt_tokens_details: { cached_tokens },
    completion_tokens_details: { reasoning_tokens },
  };
}
