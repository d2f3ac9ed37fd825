import {
  deleteTextSession,
  extendTextSession,
  getTextSession,
  refineText,
  regenerateText,
  streamRefineText,
  streamRegenerateText,
  type InputOf,
  type RefineResponse,
  type RegenerateResponse,
  type TextPart,
  type TextSessionDeleted,
  type TextSessionExtended,
  type TextSessionStatus,
} from '@tollgate/contracts';
import { Handle, MessageContext } from '@tollgate/messaging';
import { Controller } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { Refinement, type Feedback } from './refinement.service.js';
import { TextSessions } from './text-sessions.service.js';

@Controller()
export class SessionsHandler {
  constructor(
    private readonly refinement: Refinement,
    private readonly sessions: TextSessions,
  ) {}

  @Handle(refineText)
  refine(@Payload() feedback: Feedback, @Ctx() context: MessageContext): Promise<RefineResponse> {
    return this.refinement.refine(feedback, context);
  }

  @Handle(streamRefineText)
  streamRefine(@Payload() feedback: Feedback, @Ctx() context: MessageContext): AsyncGenerator<TextPart, void> {
    return this.refinement.streamRefine(feedback, context);
  }

  @Handle(regenerateText)
  regenerate(@Payload() feedback: Feedback, @Ctx() context: MessageContext): Promise<RegenerateResponse> {
    return this.refinement.regenerate(feedback, context);
  }

  @Handle(streamRegenerateText)
  streamRegenerate(@Payload() feedback: Feedback, @Ctx() context: MessageContext): AsyncGenerator<TextPart, void> {
    return this.refinement.streamRegenerate(feedback, context);
  }

  @Handle(getTextSession)
  async get(
    @Payload() { request_id }: InputOf<typeof getTextSession>,
    @Ctx() { caller }: MessageContext,
  ): Promise<TextSessionStatus> {
    const { session, ttlSeconds } = await this.sessions.get(caller.account_id, request_id);
    const { task, model, current_result, refinement_count, regeneration_count, user_id } = session;
    const { created_at, updated_at } = session;
    const counts = { refinement_count, regeneration_count };
    const times = { created_at, updated_at, ttl_seconds: ttlSeconds };
    return { request_id, task, model, current_output: current_result, ...counts, user_id, ...times };
  }

  @Handle(deleteTextSession)
  async delete(
    @Payload() { request_id }: InputOf<typeof deleteTextSession>,
    @Ctx() { caller }: MessageContext,
  ): Promise<TextSessionDeleted> {
    await this.sessions.delete(caller.account_id, request_id);
    return { request_id, deleted: true };
  }

  @Handle(extendTextSession)
  async extend(
    @Payload() { request_id, ttl_seconds }: InputOf<typeof extendTextSession>,
    @Ctx() { caller }: MessageContext,
  ): Promise<TextSessionExtended> {
    return { request_id, ttl_seconds: await this.sessions.extend(caller.account_id, request_id, ttl_seconds) };
  }
}
