import { randomUUID } from 'node:crypto';
import type { FinishReason } from '@tollgate/contracts';
import { z } from 'zod';
import { parseJson } from './parse-json.js';
import type { ProviderEvent, ReportedUsage } from './provider.js';

/** A nonsensical count is no count. */
const count = z.number().int().nonnegative().nullish().catch(undefined);
const text = z.string().nullish();

const ToolCallDelta = z.object({
  index: z.number().int().nonnegative().nullish(),
  id: text,
  function: z.object({ name: text, arguments: text }).nullish(),
});

/**
 * A chunk of /chat/completions. Usage comes in a last chunk without choices, beside a choice, or in every chunk; some send
 * null before. Reasoning is `reasoning_content` (DeepSeek) or `reasoning` (vLLM, Ollama).
 */
const Chunk = z.object({
  error: z.unknown().optional(),
  object: z.unknown().optional(),
  choices: z
    .array(
      z.object({
        delta: z
          .object({
            content: text,
            reasoning_content: text,
            reasoning: text,
            tool_calls: z.array(ToolCallDelta).nullish(),
          })
          .nullish(),
        finish_reason: text,
      }),
    )
    .nullish(),
  usage: z
    .object({
      prompt_tokens: count,
      completion_tokens: count,
      total_tokens: count,
      prompt_cache_hit_tokens: count,
      prompt_tokens_details: z.object({ cached_tokens: count }).nullish(),
      completion_tokens_details: z.object({ reasoning_tokens: count }).nullish(),
    })
    .nullish(),
});
type Chunk = z.infer<typeof Chunk>;

const finishReasons: Record<string, FinishReason> = {
  stop: 'stop',
  length: 'length',
  tool_calls: 'tool_calls',
  function_call: 'tool_calls',
  content_filter: 'content_filter',
};

/** Said of answers that were given up: vLLM's and DeepSeek's words for it. */
const brokenOffReasons = new Set(['abort', 'error', 'insufficient_system_resource']);

/** Reads the chunks of one answer in their order. */
export class OpenAiAnswer {
  private readonly callIndexes = new Set<number>();
  private lastCallIndex = -1;
  private finishReason: FinishReason | undefined;
  private isOver = false;

  /** Has {@link end} been handed out? */
  get hasEnded(): boolean {
    return this.isOver;
  }

  /** Raises an Error, which names what is wrong, on anything that is not a chunk. */
  read(data: string): ProviderEvent[] {
    const json = parseJson(data);
    const plain = plainDeltaOf(json);
    if (plain !== undefined) return plain === '' ? [] : [{ type: 'delta', text: plain }];
    const chunk = Chunk.safeParse(json);
    if (!chunk.success || isError(chunk.data) || isBrokenOff(chunk.data))
      throw new Error('no part of an answer', { cause: data.slice(0, 2_000) });
    return this.eventsOf(chunk.data);
  }

  /** Undefined when the answer has not come to its end. */
  end(): ProviderEvent | undefined {
    if (!this.finishReason) return undefined;
    this.isOver = true;
    // Some say "stop" of an answer that is nothing but calls.
    const isCall = this.finishReason === 'stop' && this.callIndexes.size > 0;
    return { type: 'end', finishReason: isCall ? 'tool_calls' : this.finishReason };
  }

  private eventsOf({ choices, usage }: Chunk): ProviderEvent[] {
    const events: ProviderEvent[] = [];
    const [choice] = choices ?? [];
    const reasoning = choice?.delta?.reasoning_content || choice?.delta?.reasoning;
    if (reasoning) events.push({ type: 'reasoning', text: reasoning });
    if (choice?.delta?.content) events.push({ type: 'delta', text: choice.delta.content });
    for (const call of choice?.delta?.tool_calls ?? []) events.push(this.toolCallOf(call));
    if (choice?.finish_reason) this.finishReason = finishReasons[choice.finish_reason] ?? 'stop';
    if (usage) events.push({ type: 'usage', usage: toReportedUsage(usage) });
    return events;
  }

  /** Without an index, a piece with a name begins the next call and one without goes on with the last. */
  private toolCallOf(call: z.infer<typeof ToolCallDelta>): ProviderEvent {
    const { id, function: called } = call;
    const index = call.index ?? Math.max(0, this.lastCallIndex + (called?.name ? 1 : 0));
    this.lastCallIndex = index;
    const piece = { type: 'tool_call' as const, index, arguments: called?.arguments ?? '' };
    if (this.callIndexes.has(index)) return piece;
    this.callIndexes.add(index);
    return { ...piece, id: id || `call_${randomUUID()}`, name: called?.name ?? '' };
  }
}

/**
 * The text of a chunk that is nothing but text, as most are; undefined for every other one. The schema takes five times as
 * long to say the same.
 */
function plainDeltaOf(json: unknown): string | undefined {
  if (!isRecord(json) || json['error'] || json['usage'] || json['object'] === 'error') return undefined;
  const choices = json['choices'];
  const choice: unknown = Array.isArray(choices) && choices.length === 1 ? choices[0] : undefined;
  if (!isRecord(choice) || (choice['finish_reason'] ?? undefined) !== undefined || !isRecord(choice['delta']))
    return undefined;
  const { content, role: _, ...rest } = choice['delta'];
  if (typeof content !== 'string') return undefined;
  return Object.values(rest).every((value) => value === null || value === undefined) ? content : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** In mid-stream: OpenAI's form, and that of older vLLMs. */
function isError({ error, object }: Chunk): boolean {
  return (error !== undefined && error !== null) || object === 'error';
}

function isBrokenOff({ choices }: Chunk): boolean {
  return brokenOffReasons.has(choices?.[0]?.finish_reason ?? '');
}

/**
 * `prompt_tokens` includes the cached ones. A count of 0 for a prompt that was sent means "unknown". `completion_tokens` includes
 * reasoning with OpenAI and DeepSeek; xAI and Gemini leave it out, and only the total has it.
 */
function toReportedUsage(usage: NonNullable<Chunk['usage']>): ReportedUsage {
  const { prompt_tokens: input, completion_tokens: output, total_tokens: total } = usage;
  const left = input && output !== undefined && output !== null && total ? Math.max(0, total - input - output) : 0;
  return {
    input: input || undefined,
    cached: usage.prompt_tokens_details?.cached_tokens ?? usage.prompt_cache_hit_tokens ?? undefined,
    output: output === undefined || output === null ? undefined : output + left,
    reasoning: usage.completion_tokens_details?.reasoning_tokens ?? (left || undefined),
  };
}
