import { createParser } from 'eventsource-parser';
import { z } from 'zod';
import { LINE_CHARACTERS_MAX } from './lines.js';
import { OpenAiAnswer } from './openai-answer.js';
import { openAiBody } from './openai-request.js';
import type { ProviderConnection } from './provider-connection.js';
import { ProviderFailure } from './provider-failure.js';
import type { Provider, ProviderEvent, ProviderRequest } from './provider.js';
import type { Quirks } from './quirks.js';

const ModelList = z.object({ data: z.array(z.object({ id: z.string() })) });

/** Everything that speaks OpenAI's chat completions. Source: https://platform.openai.com/docs/api-reference/chat */
export class OpenAiCompatibleProvider implements Provider {
  constructor(
    private readonly connection: ProviderConnection,
    private quirks: Quirks,
  ) {}

  async *stream(request: ProviderRequest, signal: AbortSignal): AsyncGenerator<ProviderEvent, void> {
    try {
      yield* this.ask(request, signal);
    } catch (error) {
      if (!this.refusesStreamOptions(error)) throw error;
      // Learnt once; from now on this provider is not asked for its usage.
      this.quirks = { ...this.quirks, usage: 'not_asked' };
      yield* this.ask(request, signal);
    }
  }

  async listModels(signal: AbortSignal): Promise<ReadonlySet<string> | undefined> {
    const list = ModelList.safeParse(await this.connection.getJson('/models', signal));
    return list.success ? new Set(list.data.data.map(({ id }) => id)) : undefined;
  }

  close(): Promise<void> {
    return this.connection.close();
  }

  private async *ask(request: ProviderRequest, signal: AbortSignal): AsyncGenerator<ProviderEvent, void> {
    const answer = new OpenAiAnswer();
    let received: string[] = [];
    const parser = createParser({
      onEvent: ({ data }) => received.push(data),
      onError: (error) => {
        if (error.type === 'max-buffer-size-exceeded') throw this.connection.failure('sent a line without end', error);
      },
      maxBufferSize: LINE_CHARACTERS_MAX,
    });
    // Read to its very end, also after [DONE]: only then is the connection used again.
    const body = openAiBody(request, this.quirks);
    for await (const piece of this.connection.post('/chat/completions', body, request, signal)) {
      parser.feed(piece);
      const events = received;
      received = [];
      for (const data of events) yield* this.read(answer, data);
    }
    parser.feed('\n\n'); // A last event whose blank line is missing.
    for (const data of received) yield* this.read(answer, data);
    const end = answer.end();
    if (!end) throw this.connection.failure('ended its answer early');
    yield end;
  }

  private read(answer: OpenAiAnswer, data: string): ProviderEvent[] {
    try {
      return answer.read(data);
    } catch (error) {
      throw this.connection.failure('broke off its answer', error);
    }
  }

  private refusesStreamOptions(error: unknown): boolean {
    if (!(error instanceof ProviderFailure) || this.quirks.usage === 'not_asked') return false;
    const isRefusal = error.status === 400 || error.status === 422;
    return isRefusal && /stream_options|include_usage|continuous_usage_stats/.test(error.body ?? '');
  }
}
