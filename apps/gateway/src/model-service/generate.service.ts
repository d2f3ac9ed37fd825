import {
  complete,
  streamCompletion,
  type Completion,
  type CompletionRequest,
  type GenerateEvent,
  type GenerateRequest,
  type GenerateResponse,
} from '@tollgate/contracts';
import { Messages } from '@tollgate/messaging';
import { Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { setCacheHeader } from '../http/cache-header.js';

/** The documented /generate, whole and as a stream. */
@Injectable()
export class GenerateService {
  constructor(private readonly messages: Messages) {}

  async answer(body: GenerateRequest, reply: FastifyReply): Promise<GenerateResponse> {
    const startedAt = performance.now();
    const completion = await this.messages.send(complete, completionRequestOf(body));
    setCacheHeader(reply, completion.cache);
    return { response: completion.content, ...outcomeOf(completion, body, reply, startedAt) };
  }

  async *stream(body: GenerateRequest, reply: FastifyReply): AsyncGenerator<GenerateEvent, void> {
    const startedAt = performance.now();
    for await (const part of this.messages.stream(streamCompletion, completionRequestOf(body))) {
      switch (part.type) {
        case 'start': {
          setCacheHeader(reply, part.cache);
          const cache = part.cache?.outcome ?? 'bypass';
          yield { type: 'start', request_id: reply.request.id, model: part.model, cache };
          break;
        }
        case 'delta':
          yield { type: 'delta', delta: part.text };
          break;
        case 'reasoning':
        case 'tool_call':
          break;
        case 'end':
          yield { type: 'end', ...outcomeOf(part, body, reply, startedAt) };
          break;
        default:
          part satisfies never;
      }
    }
  }
}

function completionRequestOf({
  prompt,
  character_name,
  settings,
  use_cache,
  model,
}: GenerateRequest): CompletionRequest {
  return {
    task: 'generate',
    messages: [{ role: 'user', content: prompt }],
    model: model ?? undefined,
    ...settings,
    cache: { use: use_cache, character: character_name ?? undefined },
  };
}

/** Seconds with three decimals, as documented. */
function outcomeOf(
  { model, usage, finish_reason, cache }: Omit<Completion, 'content'>,
  body: GenerateRequest,
  reply: FastifyReply,
  startedAt: number,
): Omit<GenerateResponse, 'response'> {
  return {
    model,
    generation_time: Math.round(performance.now() - startedAt) / 1_000,
    cache_hit: cache?.outcome === 'hit' || cache?.outcome === 'shared',
    metadata: {
      temperature: body.settings.temperature,
      tokens_generated: usage.output_tokens,
      prompt_hash: cache?.prompt_hash ?? '',
      request_id: reply.request.id,
      conversation_id: body.conversation_id ?? null,
      finish_reason,
      usage,
    },
  };
}
