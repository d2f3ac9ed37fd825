import { z } from 'zod';
import { lines } from './lines.js';
import { parseJson } from './parse-json.js';
import type { ProviderConnection } from './provider-connection.js';
import type { Provider, ProviderEvent, ProviderRequest } from './provider.js';

/** A line of /api/chat. Counts are left out or 0 when the prompt was cached by old versions: both mean "unknown". */
const ChatLine = z.union([
  z.object({ error: z.string() }),
  z.object({
    message: z.object({ content: z.string() }).optional(),
    done: z.boolean(),
    done_reason: z.string().optional(),
    prompt_eval_count: z.number().int().nonnegative().optional(),
    eval_count: z.number().int().nonnegative().optional(),
  }),
]);

const Tags = z.object({ models: z.array(z.object({ name: z.string() })) });

/** Ollama's own API. Source: https://github.com/ollama/ollama/blob/main/docs/api.md */
export class OllamaProvider implements Provider {
  constructor(private readonly connection: ProviderConnection) {}

  async *stream(request: ProviderRequest, signal: AbortSignal): AsyncGenerator<ProviderEvent, void> {
    const body = {
      model: request.model,
      messages: request.messages,
      stream: true,
      ...(request.responseFormat === 'json' ? { format: 'json' } : {}),
      // Without num_ctx Ollama cuts the prompt to its own default and says nothing.
      options: {
        num_predict: request.maxOutputTokens,
        num_ctx: request.contextLength,
        temperature: request.temperature,
      },
    };
    let end: ProviderEvent | undefined;
    // Read to its very end, also after the last word: only then is the connection used again.
    for await (const line of lines(this.connection.post('/api/chat', body, request, signal))) {
      const chunk = this.parse(line);
      if (chunk.message?.content) yield { type: 'delta', text: chunk.message.content };
      if (!chunk.done) continue;
      const usage = { input: chunk.prompt_eval_count || undefined, output: chunk.eval_count || undefined };
      end = { type: 'end', finishReason: chunk.done_reason === 'length' ? 'length' : 'stop', usage };
    }
    if (!end) throw this.connection.failure('ended its answer early');
    yield end;
  }

  async listModels(signal: AbortSignal): Promise<ReadonlySet<string>> {
    const tags = Tags.safeParse(await this.connection.getJson('/api/tags', signal));
    if (!tags.success) throw this.connection.failure('sent a list of models that is none', tags.error);
    // "llama3" is short for "llama3:latest".
    return new Set(tags.data.models.flatMap(({ name }) => [name, name.replace(/:latest$/, '')]));
  }

  close(): Promise<void> {
    return this.connection.close();
  }

  private parse(line: string) {
    const chunk = ChatLine.safeParse(parseJson(line));
    if (!chunk.success) throw this.connection.failure('sent something that is not an answer', chunk.error);
    if ('error' in chunk.data) throw this.connection.failure('broke off its answer', new Error(chunk.data.error));
    return chunk.data;
  }
}
