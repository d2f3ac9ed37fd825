import {
  AppError,
  complete,
  selectModel,
  streamCompletion,
  type Caller,
  type Completion,
  type CompletionPart,
  type CompletionRequest,
  type ModelChoice,
  type TextTask,
} from '@tollgate/contracts';
import { contextLengthExceeded, contextUsage, countPromptTokens, tokenizerFamilyOf } from '@tollgate/llm';
import { Messages } from '@tollgate/messaging';
import { Injectable } from '@nestjs/common';
import { LlmLog, type LogOrigin } from '../llm-log/llm-log.service.js';

/** Whose request it is. */
export interface Origin {
  requestId: string;
  caller: Caller;
  signal: AbortSignal;
}

export interface Prompt {
  task: TextTask;
  content: string;
  /** Only a model that the user has asked for: one that nobody asked for may serve as the last resort. */
  model: string | undefined;
  /** The field that is named when the prompt is too long. */
  field: string;
}

/** One prompt and the model's answer, with the context accounted for and both in the log files. */
@Injectable()
export class Generation {
  constructor(
    private readonly messages: Messages,
    private readonly log: LlmLog,
  ) {}

  /** The model that would answer now. */
  chooseModel(model: string | undefined): Promise<ModelChoice> {
    return this.messages.send(selectModel, { model });
  }

  async whole(prompt: Prompt, origin: Origin, signal?: AbortSignal): Promise<Completion> {
    const call = await this.begin(prompt, origin);
    try {
      const completion = await this.messages.send(complete, call.request, { signal });
      call.succeeded(completion.content, completion);
      return completion;
    } catch (error) {
      throw call.failed(error);
    }
  }

  async *stream(prompt: Prompt, origin: Origin): AsyncGenerator<CompletionPart, void> {
    const call = await this.begin(prompt, origin);
    let output = '';
    try {
      for await (const part of this.messages.stream(streamCompletion, call.request)) {
        if (part.type === 'delta') output += part.text;
        if (part.type === 'end') call.succeeded(output, part);
        yield part;
      }
    } catch (error) {
      throw call.failed(error);
    }
  }

  /** Raises `context_length_exceeded` when the prompt would be cut off by the model that is to answer it. */
  private async begin({ task, content, model, field }: Prompt, { requestId, caller }: Origin) {
    const origin = { requestId, userId: caller.user_id };
    const messages = [{ role: 'user' as const, content }];
    const choice = await this.chooseModel(model);
    this.accountContext(messages, choice, origin, field);
    this.log.line('INFO', origin, 'LLM_REQUEST', { model: choice.model, task });
    this.log.text(origin, 'PROMPT', content);
    const startedAt = performance.now();
    const latencyMs = () => Math.round(performance.now() - startedAt);
    const request: CompletionRequest = { task, messages, model };
    return {
      request,
      succeeded: (output: string, { model: served, usage }: Pick<Completion, 'model' | 'usage'>) => {
        this.log.call(origin, { task, model: served, status: 'success', latencyMs: latencyMs(), usage });
        this.log.text(origin, 'OUTPUT', output);
      },
      failed: (thrown: unknown): AppError => {
        const error = AppError.fromUnknown(thrown);
        const outcome = { task, model: choice.model, latencyMs: latencyMs(), errorCode: error.code };
        this.log.call(origin, { ...outcome, status: 'error' });
        return error;
      },
    };
  }

  private accountContext(
    messages: CompletionRequest['messages'],
    { model, context_length, tokenizer }: ModelChoice,
    origin: LogOrigin,
    field: string,
  ): void {
    const usage = contextUsage(
      countPromptTokens(messages, tokenizerFamilyOf(tokenizer), context_length),
      context_length,
    );
    const fields = {
      model,
      usage: `${((100 * usage.promptTokens) / context_length).toFixed(1)}%`,
      tokens: `${usage.promptTokens}/${context_length}`,
    };
    switch (usage.level) {
      case 'normal':
        return this.log.line('DEBUG', origin, 'CONTEXT_USAGE', fields);
      case 'warning':
        return this.log.line('WARNING', origin, 'CONTEXT_USAGE_HIGH', fields);
      case 'error':
        return this.log.line('ERROR', origin, 'CONTEXT_NEAR_LIMIT', fields);
      case 'exceeded':
        this.log.line('CRITICAL', origin, 'CONTEXT_EXCEEDED', fields);
        throw contextLengthExceeded(model, usage, field);
      default:
        return usage.level satisfies never;
    }
  }
}
