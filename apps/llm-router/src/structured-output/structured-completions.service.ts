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
import { metrics } from './metrics.js';
import { SchemaJudge } from './schema-judge.service.js';
import { checkSchemaLimits, refusal } from './schema-limits.js';

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
    private readonly judge: SchemaJudge,
  ) {}

  /** Raises `invalid_request` for a schema that cannot be used, and `invalid_structured_output` for the answer. */
  async complete(request: CompletionRequest, context: CompletionContext): Promise<Completion> {
    if (!wantsJson(request)) return this.completions.complete(request, context);
    const schema = schemaOf(request);
    if (schema !== undefined) await this.checkSchema(schema);
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
      usage = usage ? sumOfUsage(usage, completion.usage) : completion.usage;
      if (completion.finish_reason === 'tool_calls') return { ...completion, usage };
      const judged = await this.judgeAnswer(completion, schema);
      const labels = { asked_again: tries - 1 };
      if ('json' in judged) {
        metrics.answers.inc({ ...labels, outcome: 'valid' });
        return { ...completion, content: judged.json, usage };
      }
      if (judged.isFinal || tries >= TRIES_MAX) {
        metrics.answers.inc({ ...labels, outcome: 'invalid' });
        throw invalidOutput(judged.problems, completion);
      }
      asked = askAgain(asked, { answer: completion.content, problems: judged.problems, schema });
    }
  }

  private async checkSchema(schema: string): Promise<void> {
    const judged = await this.judge.judge({ schema });
    if (judged.verdict === 'too_costly') throw refusal('takes too long or too much memory to compile');
    if (judged.verdict === 'bad_schema') throw refusal(`is not a usable JSON schema: ${judged.problems.join('; ')}`);
  }

  private async judgeAnswer(
    { content, finish_reason: reason }: Completion,
    schema: string | undefined,
  ): Promise<Judged> {
    // Asked again it would be cut again; and what is missing is not ours to make up.
    if (reason === 'length') return { problems: ['was cut at max_tokens'], isFinal: true };
    if (reason === 'content_filter') return { problems: ['was stopped by the content filter'], isFinal: true };
    const found = jsonInText(content);
    if ('problem' in found) return { problems: [`/: ${found.problem}`] };
    if (schema === undefined) return found.json.startsWith('{') ? found : { problems: ['/: must be object'] };
    const judged = await this.judge.judge({ schema, json: found.json });
    if (judged.verdict === 'valid') return found;
    if (judged.verdict === 'invalid') return { problems: judged.problems };
    return { problems: ['could not be checked: the schema takes too long or too much memory'], isFinal: true };
  }
}

function wantsJson({ response_format: format }: CompletionRequest): boolean {
  return format !== undefined && format.type !== 'text';
}

function schemaOf({ response_format: format }: CompletionRequest): string | undefined {
  if (format?.type !== 'json_schema') return undefined;
  checkSchemaLimits(format.json_schema.schema);
  return JSON.stringify(format.json_schema.schema);
}

function invalidOutput(problems: string[], { content, finish_reason, attempts, model }: Completion): AppError {
  return new AppError(
    'invalid_structured_output',
    `The model's answer is not the JSON that was asked for: ${problems[0]}`,
    {
      details: { problems, last_text: content.slice(0, LAST_TEXT_CHARACTERS_MAX), finish_reason, attempts, model },
    },
  );
}
