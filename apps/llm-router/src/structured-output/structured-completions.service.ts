import {
  AppError,
  sumOfUsage,
  type Completion,
  type CompletionPart,
  type CompletionRequest,
  type Usage,
} from '@tollgate/contracts';
import { Injectable } from '@nestjs/common';
import { afterAttempts, type CompletionContext } from '../completions/completion-context.js';
import { partsOf } from '../completions/completion-parts.js';
import { Completions } from '../completions/completions.service.js';
import { askAgain } from './ask-again.js';
import { jsonInText } from './json-in-text.js';
import { JsonChecks } from './json-checks.service.js';
import { metrics } from './metrics.js';

/** The first time and twice again. */
const TRIES_MAX = 3;
const LAST_TEXT_CHARACTERS_MAX = 16_000;

type Judged = { json: string } | { problems: string[]; isFinal?: boolean };

/**
 * Completions whose answer is JSON when JSON was asked for, and matches the caller's own schema when there is one,
 * whatever the provider makes of it. What does not match is told to the model, twice at most; every attempt is billed.
 *
 * A stream of such an answer begins when the answer is known to be valid: what was sent could not be taken back, and an
 * error keeps its HTTP status.
 */
@Injectable()
export class StructuredCompletions {
  constructor(
    private readonly completions: Completions,
    private readonly checks: JsonChecks,
  ) {}

  /** Raises `invalid_request` for a schema that cannot be used, and `invalid_structured_output` for the answer. */
  async complete(request: CompletionRequest, context: CompletionContext): Promise<Completion> {
    if (!wantsJson(request)) return this.completions.complete(request, context);
    const { response_format: format } = request;
    const { account_id: accountId } = context.caller;
    const schema =
      format?.type === 'json_schema' ? await this.checks.usable(format.json_schema.schema, accountId) : undefined;
    return this.completeStructured(request, context, schema);
  }

  async *stream(request: CompletionRequest, context: CompletionContext): AsyncGenerator<CompletionPart, void> {
    if (wantsJson(request)) yield* partsOf(await this.complete(request, context));
    else yield* this.completions.stream(request, context);
  }

  private async completeStructured(
    request: CompletionRequest,
    context: CompletionContext,
    schema: string | undefined,
  ): Promise<Completion> {
    let asked = request;
    let attempts = 0;
    let usage: Usage | undefined;
    for (let tries = 1; ; tries += 1) {
      const completion = await this.completions.complete(asked, afterAttempts(context, attempts));
      ({ attempts } = completion);
      usage = sumOfUsage(usage, completion.usage);
      if (completion.finish_reason === 'tool_calls') return { ...completion, usage };
      const judged = await this.judgeAnswer(completion, schema, context.caller.account_id);
      const labels = { asked_again: tries - 1 };
      if ('json' in judged) {
        metrics.answers.inc({ ...labels, outcome: 'valid' });
        return { ...completion, content: judged.json, usage };
      }
      if (judged.isFinal || tries >= (request.tries_max ?? TRIES_MAX)) {
        metrics.answers.inc({ ...labels, outcome: 'invalid' });
        throw invalidOutput(judged.problems, { ...completion, usage });
      }
      asked = askAgain(asked, { answer: completion.content, problems: judged.problems, schema });
    }
  }

  private async judgeAnswer(
    { content, finish_reason: reason }: Completion,
    schema: string | undefined,
    accountId: string,
  ): Promise<Judged> {
    // Asked again it would be cut again; and what is missing is not ours to make up.
    if (reason === 'length') return { problems: ['was cut at max_tokens'], isFinal: true };
    if (reason === 'content_filter') return { problems: ['was stopped by the content filter'], isFinal: true };
    const found = jsonInText(content);
    if ('problem' in found) return { problems: [`/: ${found.problem}`] };
    if (schema === undefined) return found.json.startsWith('{') ? found : { problems: ['/: must be object'] };
    const checked = await this.checks.check(schema, found.json, accountId);
    return checked.problems.length === 0 ? found : checked;
  }
}

function wantsJson({ response_format: format }: CompletionRequest): boolean {
  return format !== undefined && format.type !== 'text';
}

function invalidOutput(problems: string[], { content, finish_reason, attempts, model, usage }: Completion): AppError {
  return new AppError(
    'invalid_structured_output',
    `The model's answer is not the JSON that was asked for: ${problems[0]}`,
    {
      details: {
        problems,
        last_text: content.slice(0, LAST_TEXT_CHARACTERS_MAX),
        finish_reason,
        attempts,
        model,
        usage,
      },
    },
  );
}
