import { Inject, Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { finalize, type Observable } from 'rxjs';
import { beforeAnswerEnds, type EndWork } from '../http/answer-end.js';
import { authenticatedCaller } from '../identity/current-caller.js';
import { CallLimits } from './call-limits.service.js';
import { LIMITS_OPTIONS, type LimitsOptions } from './limits-options.js';
import { routeKindOf } from './route-kind.js';

/**
 * Lets a call in by its plan and frees its slot before the client sees the end of its answer, or when the work for a client
 * that left has stopped. An interceptor and no guard: a kept answer is repeated before any limit is asked.
 */
@Injectable()
export class CallLimitsInterceptor implements NestInterceptor {
  constructor(
    @Inject(LIMITS_OPTIONS) private readonly options: LimitsOptions,
    private readonly reflector: Reflector,
    private readonly limits: CallLimits,
  ) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    if (!this.options.enabled || routeKindOf(context, this.reflector) !== 'call') return next.handle();
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const call = await this.limits.admit(authenticatedCaller(), request.id, (headers) => {
      reply.headers(headers);
    });
    let hasEnded = false;
    const end: EndWork = async ({ status }) => {
      if (hasEnded) return;
      hasEnded = true;
      await call.end({ giveBack: status >= 400 });
    };
    beforeAnswerEnds(reply.raw, end);
    return next.handle().pipe(finalize(() => void (reply.raw.destroyed && end({ status: 200 }))));
  }
}
