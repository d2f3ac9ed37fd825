import {
  complete,
  selectModel,
  streamCompletion,
  type Caller,
  type CompletionRequest,
  type ModelChoice,
  type ProcessTextPart,
  type ProcessTextRequest,
  type ProcessTextResponse,
} from '@tollgate/contracts';
import {
  contextLengthExceeded,
  contextUsage,
  countPromptTokens,
  tokenizerFamilies,
  type TokenizerFamily,
} from '@tollgate/llm';
import { Messages } from '@tollgate/messaging';
import { Logger } from '@tollgate/observability';
import { Injectable } from '@nestjs/common';
import { buildPrompt } from './prompts.js';

/** Whose request it is. */
export interface Origin {
  requestId: string;
  caller: Caller;
}

/** The four tasks over a text: prompt, context accounting, and the model's answer. */
@Injectable()
export class Processing {
  constructor(
    private readonly messages: Messages,
    private readonly logger: Logger,
  ) {}

  async process(body: ProcessTextRequest, origin: Origin): Promise<ProcessTextResponse> {
    const completion = await this.messages.send(complete, await this.completionFor(body));
    const { model, content, finish_reason, usage } = completion;
    return { ...identify(body, origin), model, output: content, finish_reason, usage };
  }

  async *stream(body: ProcessTextRequest, origin: Origin): AsyncGenerator<ProcessTextPart, void> {
    const identity = identify(body, origin);
    for await (const part of this.messages.stream(streamCompletion, await this.completionFor(body))) {
      switch (part.type) {
        case 'start':
          yield { type: 'start', ...identity, model: part.model };
          break;
        case 'delta':
          yield { type: 'delta', delta: part.text };
          break;
        case 'reasoning':
        case 'tool_call':
          break;
        case 'end':
          yield { type: 'end', ...identity, model: part.model, finish_reason: part.finish_reason, usage: part.usage };
          break;
        default:
          part satisfies never;
      }
    }
  }

  /** Raises `context_length_exceeded` when the prompt would be cut off by the model that is to answer it. */
  private async completionFor(body: ProcessTextRequest): Promise<CompletionRequest> {
    const content = buildPrompt({
      text: body.text,
      task: body.task,
      summaryType: body.summary_type,
      targetLanguage: body.target_language,
    });
    const messages = [{ role: 'user' as const, content }];
    const choice = await this.messages.send(selectModel, { model: body.model });
    this.accountContext(messages, choice);
    // Not the choice: a model that nobody asked for may serve as the last resort, but not be asked for.
    return { task: body.task, messages, model: body.model };
  }

  private accountContext(
    messages: CompletionRequest['messages'],
    { model, context_length, tokenizer }: ModelChoice,
  ): void {
    const usage = contextUsage(countPromptTokens(messages, familyOf(tokenizer), context_length), context_length);
    const fields = {
      model,
      usage_percent: usage.usagePercent,
      tokens: usage.promptTokens,
      context_limit: context_length,
    };
    switch (usage.level) {
      case 'normal':
        return this.logger.debug('CONTEXT_USAGE', fields);
      case 'warning':
        return this.logger.warn('CONTEXT_USAGE_HIGH', fields);
      case 'error':
        return this.logger.error('CONTEXT_NEAR_LIMIT', fields);
      case 'exceeded':
        this.logger.error('CONTEXT_EXCEEDED', fields);
        throw contextLengthExceeded(model, usage, 'text');
      default:
        return usage.level satisfies never;
    }
  }
}

function identify({ task }: ProcessTextRequest, { requestId, caller }: Origin) {
  return { request_id: requestId, task, user_id: caller.user_id };
}

/** A router that is newer than this process may name a family that it does not know yet. */
function familyOf(name: string): TokenizerFamily {
  return tokenizerFamilies.find((family) => family === name) ?? 'o200k';
}
