import { Injectable } from '@nestjs/common';
import { MapReduce } from '../map-reduce/map-reduce.service.js';
import { Generation, type Origin, type Prompt } from './generation.service.js';
import { promptOf } from './prompt-of.js';
import { collect, type Answer, type AnswerPart, type TextJob } from './text-job.js';

/** Runs a task over a text, in one prompt or in pieces; or any one prompt. */
@Injectable()
export class TextWork {
  constructor(
    private readonly generation: Generation,
    private readonly mapReduce: MapReduce,
  ) {}

  whole(job: TextJob, origin: Origin): Promise<Answer> {
    if (job.strategy === 'map_reduce') return collect(this.mapReduce.stream(job, origin));
    return this.answer(promptOf(job), origin);
  }

  stream(job: TextJob, origin: Origin): AsyncGenerator<AnswerPart, void> {
    if (job.strategy === 'map_reduce') return this.mapReduce.stream(job, origin);
    return this.streamAnswer(promptOf(job), origin);
  }

  async answer(prompt: Prompt, origin: Origin): Promise<Answer> {
    const { model, content, finish_reason, usage } = await this.generation.whole(prompt, origin);
    return { model, output: content, finish_reason, usage };
  }

  async *streamAnswer(prompt: Prompt, origin: Origin): AsyncGenerator<AnswerPart, void> {
    for await (const part of this.generation.stream(prompt, origin)) {
      if (part.type === 'start') yield { type: 'start', model: part.model };
      if (part.type === 'delta') yield { type: 'delta', delta: part.text };
      if (part.type === 'end')
        yield { type: 'end', model: part.model, finish_reason: part.finish_reason, usage: part.usage };
    }
  }
}
