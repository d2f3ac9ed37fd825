import { randomUUID } from 'node:crypto';
import type { FinishReason } from '@tollgate/contracts';
import { z } from 'zod';
import { LineSplitter } from './lines.js';
import { ollamaBody } from './ollama-request.js';
import { parseJson } from './parse-json.js';
import type { ProviderConnection } from './provider-connection.js';
import type { Provider, ProviderEvent, ProviderRequest } from './provider.js';

/** Left out when the prompt was cached, or 0 in old versions: both mean "unknown", as nonsense does. */
const count = z.number().int().positive().optional().catch(undefined);

const ErrorLine = z.object({ error: z.unknown().refine((error) => error !== undefined) });

/** A line of /api/chat. */
const ChatLine = z.object({
  message: z
    .object({
      content: z.string().default(''),
      thinking: z.string().optional(),
      tool_calls: z
        .array(
          z.object({
            id: z.string().optional(),
            function: z.object({ name: z.string(), arguments: z.unknown() }),
          }),
        )
        .optional(),
    })
    .optional(),
  done: z.boolean(),
  done_reason: z.string().optional(),
  prompt_eval_count: count,
  eval_count: count,
});
type ChatLine = z.infer<typeof ChatLine>;

const Tags = z.object({ models: z.array(z.object({ name: z.string() })) });

/** Ollama's own API. Source: https://github.com/ollama/ollama/blob/main/docs/api.md */
export class OllamaProvider implements Provider {
  constructor(private readonly connection: ProviderConnection) {}

  async *stream(request: ProviderRequest, signal: AbortSignal): AsyncGenerator<ProviderEvent, void> {
    const splitter = new LineSplitter();
    let calls = 0;
    let finishReason: FinishReason | undefined;
    const read = (line: string): ProviderEvent[] => {
      const chunk = this.parse(line);
      const events = eventsOf(chunk, calls);
      calls += chunk.message?.tool_calls?.length ?? 0;
      if (chunk.done) finishReason = finishReasonOf(chunk, calls);
      return events;
    };
    // Read to its very end, also after the last word: only then is the connection used again.
    for await (const piece of this.connection.post('/api/chat', ollamaBody(request), request, signal)) {
      for (const line of this.split(() => splitter.feed(piece))) yield* read(line);
    }
    for (const line of this.split(() => splitter.end())) yield* read(line);
    if (!finishReason) throw this.connection.failure('ended its answer early');
    yield { type: 'end', finishReason };
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

  private split(lines: () => string[]): string[] {
    try {
      return lines();
    } catch (error) {
      throw this.connection.failure('sent a line without end', error);
    }
  }

  private parse(line: string): ChatLine {
    const json = parseJson(line);
    const chunk = ChatLine.safeParse(json);
    if (chunk.success && !ErrorLine.safeParse(json).success) return chunk.data;
    throw this.connection.failure('broke off its answer', line.slice(0, 2_000));
  }
}

function eventsOf({ message, done, prompt_eval_count, eval_count }: ChatLine, callsBefore: number): ProviderEvent[] {
  const events: ProviderEvent[] = [];
  if (message?.thinking) events.push({ type: 'reasoning', text: message.thinking });
  if (message?.content) events.push({ type: 'delta', text: message.content });
  for (const [index, { id, function: called }] of (message?.tool_calls ?? []).entries()) {
    events.push({
      type: 'tool_call',
      index: callsBefore + index,
      id: id || `call_${randomUUID()}`,
      name: called.name,
      arguments: typeof called.arguments === 'string' ? called.arguments : JSON.stringify(called.arguments ?? {}),
    });
  }
  if (done) events.push({ type: 'usage', usage: { input: prompt_eval_count, output: eval_count } });
  return events;
}

/** Ollama says "stop" of calls too. */
function finishReasonOf({ done_reason }: ChatLine, calls: number): FinishReason {
  if (done_reason === 'length') return 'length';
  return calls > 0 ? 'tool_calls' : 'stop';
}
