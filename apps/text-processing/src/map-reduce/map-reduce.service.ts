import { sumOfUsage, type Completion, type ModelChoice, type TextTask, type Usage } from '@tollgate/contracts';
import { countPromptTokens, countTokens, tokenizerFamilyOf } from '@tollgate/llm';
import { Injectable } from '@nestjs/common';
import { Generation, type Origin } from '../processing/generation.service.js';
import { promptOf } from '../processing/prompt-of.js';
import type { AnswerPart, TextJob } from '../processing/text-job.js';
import { inParallel } from './in-parallel.js';
import { splitText } from './split-text.js';

/**
 * How long a piece may be, as a share of the context: an answer that is about as long as its piece needs its own room
 * beside it, a summary does not.
 */
const pieceShare: Record<TextTask, number> = {
  summary: 0.7,
  translate: 0.4,
  rephrase: 0.4,
  remove_repetitions: 0.4,
};

/** Of the tokens that an answer may have: words of another language are not as many. */
const ANSWER_SHARE = 0.7;
/** Where the router does not say what the plan allows. */
const CONCURRENCY_DEFAULT = 2;
const SUMMARY_ROUNDS_MAX = 5;

/**
 * Works on a text of any length in pieces that fit the model's context.
 *
 * The pieces are cut at sentences and worked on in parallel, as many at a time as the plan allows requests at once.
 * Answers to translate, rephrase and remove_repetitions are joined in their order. Those to summary are summarised
 * again, until they fit one last prompt, whose answer is the output.
 */
@Injectable()
export class MapReduce {
  constructor(private readonly generation: Generation) {}

  async *stream(job: TextJob, origin: Origin): AsyncGenerator<AnswerPart, void> {
    const choice = await this.generation.chooseModel(job.model);
    yield { type: 'start', model: choice.model };
    if (job.task === 'summary') yield* this.summarise(job, choice, origin);
    else yield* this.join(job, choice, origin);
  }

  private async *join(job: TextJob, choice: ModelChoice, origin: Origin): AsyncGenerator<AnswerPart, void> {
    const pieces = piecesOf(job, choice);
    const totals = new Totals(choice.model);
    const finished = new Map<number, string>();
    let written = 0;
    for await (const [index, completion] of this.map(job, pieces, choice, origin)) {
      totals.add(completion);
      finished.set(index, completion.content.trim());
      yield { type: 'progress', stage: 'map', done: totals.completions, total: pieces.length };
      for (let next = finished.get(written); next !== undefined; next = finished.get(written)) {
        yield { type: 'delta', delta: written === 0 ? next : `${separatorAfter(pieces[written - 1])}${next}` };
        finished.delete(written);
        written += 1;
      }
    }
    yield totals.end();
  }

  private async *summarise(job: TextJob, choice: ModelChoice, origin: Origin): AsyncGenerator<AnswerPart, void> {
    const totals = new Totals(choice.model);
    let text = job.text;
    for (let round = 1; round <= SUMMARY_ROUNDS_MAX; round += 1) {
      const pieces = piecesOf({ ...job, text }, choice);
      if (pieces.length <= 1) break;
      const summaries: string[] = [];
      let done = 0;
      for await (const [index, completion] of this.map(job, pieces, choice, origin)) {
        totals.add(completion);
        summaries[index] = completion.content.trim();
        done += 1;
        yield { type: 'progress', stage: 'map', done, total: pieces.length };
      }
      text = summaries.join('\n\n');
    }
    yield { type: 'progress', stage: 'reduce', done: 0, total: 1 };
    for await (const part of this.generation.stream(promptOf({ ...job, text }), origin)) {
      if (part.type === 'delta') yield { type: 'delta', delta: part.text };
      if (part.type === 'end') totals.add(part);
    }
    yield totals.end();
  }

  private map(
    job: TextJob,
    pieces: readonly string[],
    { concurrent_requests }: ModelChoice,
    origin: Origin,
  ): AsyncGenerator<[number, Completion], void> {
    return inParallel(pieces, concurrent_requests ?? CONCURRENCY_DEFAULT, (text, signal) =>
      this.generation.whole(promptOf({ ...job, text }), origin, signal),
    );
  }
}

function piecesOf(job: TextJob, choice: ModelChoice): string[] {
  const family = tokenizerFamilyOf(choice.tokenizer);
  const promptAround = countPromptTokens([{ role: 'user', content: promptOf({ ...job, text: '' }).content }], family);
  const room = Math.floor(choice.context_length * pieceShare[job.task]) - promptAround;
  const answerRoom =
    job.task === 'summary' ? Infinity : Math.floor((choice.max_output_tokens ?? Infinity) * ANSWER_SHARE);
  return splitText(job.text, Math.max(1, Math.min(room, answerRoom)), (text) => countTokens(text, family));
}

/** What stood between two pieces of the text stands between their answers. */
function separatorAfter(piece: string | undefined): string {
  return /\s+$/.exec(piece ?? '')?.[0] ?? '';
}

/** What all completions of a job have used together. */
class Totals {
  completions = 0;
  private usage: Usage = { input_tokens: 0, cached_tokens: 0, output_tokens: 0, source: 'provider' };
  private finishReason: Completion['finish_reason'] = 'stop';

  constructor(private model: string) {}

  add({ model, usage, finish_reason }: Pick<Completion, 'model' | 'usage' | 'finish_reason'>): void {
    this.completions += 1;
    this.model = model;
    this.usage = sumOfUsage(this.usage, usage);
    if (finish_reason !== 'stop') this.finishReason = finish_reason;
  }

  end(): AnswerPart {
    return { type: 'end', model: this.model, usage: this.usage, finish_reason: this.finishReason };
  }
}
