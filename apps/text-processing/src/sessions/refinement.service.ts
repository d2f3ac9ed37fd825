import type { RefineResponse, RegenerateResponse, TextPart } from '@tollgate/contracts';
import { Injectable } from '@nestjs/common';
import type { Origin, Prompt } from '../processing/generation.service.js';
import { buildRefinementPrompt } from '../processing/prompts.js';
import { relay } from '../processing/relay.js';
import type { Answer, TextJob } from '../processing/text-job.js';
import { TextWork } from '../processing/text-work.service.js';
import type { TextSession } from './text-session.js';
import { TextSessions } from './text-sessions.service.js';

export interface Feedback {
  request_id: string;
  user_feedback: string;
}

/**
 * Changes results: a refinement starts from the current result, a regeneration from the original text with the task's own
 * prompt. Those of one session run one after the other, each from what the one before it has left.
 */
@Injectable()
export class Refinement {
  constructor(
    private readonly sessions: TextSessions,
    private readonly work: TextWork,
  ) {}

  async refine(feedback: Feedback, origin: Origin): Promise<RefineResponse> {
    const held = await this.hold(feedback, origin);
    try {
      const { output, ...end } = await this.work.answer(refinementOf(held.session, feedback), origin);
      const refinement_count = await held.keep('refinement_count', { ...end, output });
      return { ...identityOf(held.session, origin), ...end, refined_output: output, refinement_count };
    } finally {
      await held.release();
    }
  }

  async *streamRefine(feedback: Feedback, origin: Origin): AsyncGenerator<TextPart, void> {
    const held = await this.hold(feedback, origin);
    try {
      const parts = this.work.streamAnswer(refinementOf(held.session, feedback), origin);
      const keep = async (answer: Answer) => ({ refinement_count: await held.keep('refinement_count', answer) });
      yield* relay(parts, identityOf(held.session, origin), keep);
    } finally {
      await held.release();
    }
  }

  async regenerate(feedback: Feedback, origin: Origin): Promise<RegenerateResponse> {
    const held = await this.hold(feedback, origin);
    try {
      const { output, ...end } = await this.work.whole(regenerationOf(held.session, feedback), origin);
      const regeneration_count = await held.keep('regeneration_count', { ...end, output });
      return { ...identityOf(held.session, origin), ...end, regenerated_output: output, regeneration_count };
    } finally {
      await held.release();
    }
  }

  async *streamRegenerate(feedback: Feedback, origin: Origin): AsyncGenerator<TextPart, void> {
    const held = await this.hold(feedback, origin);
    try {
      const parts = this.work.stream(regenerationOf(held.session, feedback), origin);
      const keep = async (answer: Answer) => ({ regeneration_count: await held.keep('regeneration_count', answer) });
      yield* relay(parts, identityOf(held.session, origin), keep);
    } finally {
      await held.release();
    }
  }

  private hold({ request_id }: Feedback, { caller, signal }: Origin) {
    return this.sessions.hold(caller.account_id, request_id, signal);
  }
}

function refinementOf(session: TextSession, { user_feedback }: Feedback): Prompt {
  return {
    task: session.task,
    content: buildRefinementPrompt(session.current_result, user_feedback),
    model: session.requested_model,
    field: 'user_feedback',
  };
}

function regenerationOf(session: TextSession, { user_feedback }: Feedback): TextJob {
  return {
    text: session.original_text,
    task: session.task,
    summaryType: session.summary_type,
    targetLanguage: session.target_language,
    userFeedback: user_feedback,
    model: session.requested_model,
    strategy: session.strategy,
  };
}

function identityOf({ request_id, task }: TextSession, { caller }: Origin) {
  return { request_id, task, user_id: caller.user_id };
}
