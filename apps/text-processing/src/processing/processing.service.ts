import type { ProcessTextRequest, ProcessTextResponse, TextPart } from '@tollgate/contracts';
import { Logger } from '@tollgate/observability';
import { Injectable } from '@nestjs/common';
import { TextSessions } from '../sessions/text-sessions.service.js';
import type { Origin } from './generation.service.js';
import { relay } from './relay.js';
import type { Answer, TextJob } from './text-job.js';
import { TextWork } from './text-work.service.js';

/** The four tasks over a text. What comes out can be refined and regenerated afterwards. */
@Injectable()
export class Processing {
  constructor(
    private readonly work: TextWork,
    private readonly sessions: TextSessions,
    private readonly logger: Logger,
  ) {}

  async process(body: ProcessTextRequest, origin: Origin): Promise<ProcessTextResponse> {
    const answer = await this.work.whole(jobOf(body), origin);
    await this.remember(body, answer, origin);
    return { ...identityOf(body, origin), ...answer };
  }

  stream(body: ProcessTextRequest, origin: Origin): AsyncGenerator<TextPart, void> {
    const keep = async (answer: Answer) => {
      await this.remember(body, answer, origin);
      return {};
    };
    return relay(this.work.stream(jobOf(body), origin), identityOf(body, origin), keep);
  }

  /** An answer that was made and charged is handed out, also when it cannot be kept: then it cannot be refined. */
  private async remember(
    body: ProcessTextRequest,
    { output, model }: Answer,
    { requestId, caller }: Origin,
  ): Promise<void> {
    const now = new Date().toISOString();
    const session = {
      request_id: requestId,
      user_id: caller.user_id,
      task: body.task,
      summary_type: body.summary_type,
      target_language: body.target_language,
      strategy: body.strategy,
      original_text: body.text,
      current_result: output,
      model,
      requested_model: body.model,
      refinement_count: 0,
      regeneration_count: 0,
      created_at: now,
      updated_at: now,
    };
    try {
      await this.sessions.create(caller.account_id, session);
    } catch (error) {
      this.logger.warn('a result could not be kept for refinement', { err: error });
    }
  }
}

function jobOf(body: ProcessTextRequest): TextJob {
  const { text, task, summary_type: summaryType, target_language: targetLanguage, model, strategy } = body;
  return { text, task, summaryType, targetLanguage, model, strategy };
}

function identityOf({ task }: ProcessTextRequest, { requestId, caller }: Origin) {
  return { request_id: requestId, task, user_id: caller.user_id };
}
