import type { FinishReason } from '@tollgate/contracts';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { z } from 'zod';
import { parseJson } from './parse-json.js';
import type { ProviderConnection } from './provider-connection.js';
import type { Provider, ProviderEvent, ProviderRequest, ReportedUsage } from './provider.js';

const count = z.number().int().nonnegative();

/** A chunk of /chat/completions. Usage comes in a last chunk without choices, or beside a choice; some send null before. */
const Chunk = z.object({
  choices: z
    .array(
      z.object({
        delta: z.object({ content: z.string().nullish() }).nullish(),
        finish_reason: z.string().nullish(),
      }),
    )
    .default([]),
  usage: z
    .object({
      prompt_tokens: count.nullish(),
      completion_tokens: count.nullish(),
      prompt_tokens_details: z.object({ cached_tokens: count.nullish() }).nullish(),
    })
    .nullish(),
});

/** Errors in mid-stream: OpenAI's form, and that of older vLLMs. */
const ErrorFrame = z.union([z.object({ error: z.unknown() }), z.object({ object: z.literal('error') })]);

const ModelList = z.object({ data: z.array(z.object({ id: z.string() })) });

const finishReasons: Record<string, FinishReason> = {
  stop: 'stop',
  length: 'length',
  content_filter: 'content_filter',
};

/** Everything that speaks OpenAI's chat completions. Source: https://platform.openai.com/docs/api-reference/chat */
export class OpenAiCompatibleProvider implements Provider {
  constructor(private readonly connection: ProviderConnection) {}

  async *stream(request: ProviderRequest, signal: AbortSignal): AsyncGenerator<ProviderEvent, void> {
    const body = {
      model: request.model,
      messages: request.messages,
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: request.maxOutputTokens,
      temperature: request.temperature,
      ...(request.responseFormat === 'json' ? { response_format: { type: 'json_object' } } : {}),
    };
    let finishReason: FinishReason | undefined;
    let usage: ReportedUsage = {};
    // Read to its very end, also after [DONE]: only then is the connection used again.
    for await (const data of this.events(this.connection.post('/chat/completions', body, request, signal))) {
      if (data === '[DONE]') continue;
      const chunk = this.parse(data);
      const [choice] = chunk.choices;
      if (choice?.delta?.content) yield { type: 'delta', text: choice.delta.content };
      if (choice?.finish_reason) finishReason = finishReasons[choice.finish_reason] ?? 'stop';
      if (chunk.usage) usage = toReportedUsage(chunk.usage);
    }
    if (!finishReason) throw this.connection.failure('ended its answer early');
    yield { type: 'end', finishReason, usage };
  }

  async listModels(signal: AbortSignal): Promise<ReadonlySet<string> | undefined> {
    const list = ModelList.safeParse(await this.connection.getJson('/models', signal));
    return list.success ? new Set(list.data.data.map(({ id }) => id)) : undefined;
  }

  close(): Promise<void> {
    return this.connection.close();
  }

  private async *events(pieces: AsyncIterable<string>): AsyncGenerator<string, void> {
    let received: EventSourceMessage[] = [];
    const parser = createParser({ onEvent: (event) => received.push(event) });
    for await (const piece of pieces) {
      parser.feed(piece);
      const events = received;
      received = [];
      for (const { data } of events) yield data;
    }
  }

  private parse(data: string): z.infer<typeof Chunk> {
    const json = parseJson(data);
    if (ErrorFrame.safeParse(json).success) throw this.connection.failure('broke off its answer', new Error(data));
    const chunk = Chunk.safeParse(json);
    if (!chunk.success) throw this.connection.failure('sent something that is not an answer', chunk.error);
    return chunk.data;
  }
}

/** `prompt_tokens` includes the cached ones. A count of 0 for a prompt that was sent means "unknown". */
function toReportedUsage(usage: NonNullable<z.infer<typeof Chunk>['usage']>): ReportedUsage {
  return {
    input: usage.prompt_tokens || undefined,
    cached: usage.prompt_tokens_details?.cached_tokens ?? undefined,
    output: usage.completion_tokens ?? undefined,
  };
}
