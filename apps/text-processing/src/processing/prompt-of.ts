import type { Prompt } from './generation.service.js';
import { buildPrompt } from './prompts.js';
import type { TextJob } from './text-job.js';

/** The whole job as one prompt. */
export function promptOf(job: TextJob): Prompt {
  return { task: job.task, content: buildPrompt(job), model: job.model, field: 'text' };
}
