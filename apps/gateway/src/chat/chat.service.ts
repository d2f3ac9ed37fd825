import {
  AppError,
  complete,
  streamCompletion,
  type ChatEvent,
  type ChatRequest,
  type ChatResponse,
  type Completion,
} from '@tollgate/contracts';
import { Messages } from '@tollgate/messaging';
import { currentRequest } from '@tollgate/observability';
import { Injectable } from '@nestjs/common';
import { completionRequestFor, confidenceOf, parseStructuredData } from './chat-messages.js';

@Injectable()
export class ChatService {
  constructor(private readonly messages: Messages) {}

  async answer(body: ChatRequest): Promise<ChatResponse> {
    const startedAt = performance.now();
    const completion = await this.messages.send(complete, completionRequestFor(body));
    return {
      message: completion.content,
      ...outcomeOf(completion, startedAt),
      structured_data: body.structured_output ? parseStructuredData(completion.content) : null,
    };
  }

  async *stream(body: ChatRequest): AsyncGenerator<ChatEvent, void> {
    const startedAt = performance.now();
    for await (const part of this.messages.stream(streamCompletion, completionRequestFor(body))) {
      switch (part.type) {
        case 'start':
          yield { type: 'start', request_id: requestId(), model_used: part.model };
          break;
        case 'delta':
          yield { type: 'delta', delta: part.text };
          break;
        case 'reasoning':
        case 'tool_call':
          break;
        case 'end': {
          const { finish_reason, usage } = part;
          yield { type: 'end', ...outcomeOf(part, startedAt), finish_reason, usage };
          break;
        }
        default:
          part satisfies never;
      }
    }
  }
}

function outcomeOf(completion: Omit<Completion, 'content'>, startedAt: number) {
  const { model, provider, finish_reason, usage, attempts } = completion;
  return {
    model_used: model,
    tokens_used: usage.input_tokens + usage.output_tokens,
    latency_ms: Math.round(performance.now() - startedAt),
    confidence_score: confidenceOf(finish_reason),
    metadata: { request_id: requestId(), provider, finish_reason, usage, attempts },
  };
}

function requestId(): string {
  const request = currentRequest();
  if (!request)
    throw new AppError('internal', 'An internal error occurred.', { cause: new Error('outside a request') });
  return request.requestId;
}
