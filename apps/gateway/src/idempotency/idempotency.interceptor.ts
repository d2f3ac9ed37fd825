import { AppError } from '@tollgate/contracts';
import { currentRequest } from '@tollgate/observability';
import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { catchError, from, of, switchMap, throwError, type Observable } from 'rxjs';
import { beforeAnswerEnds, keepAnswer } from '../http/answer-end.js';
import { toAppError } from '../http/error-response.js';
import { parseJson } from '../http/parse-json.js';
import { EventStream } from '../http/sse.js';
import { authenticatedCaller } from '../identity/current-caller.js';
import { IncomingLog } from '../log-analysis/incoming-log.js';
import { routeKindOf } from '../limits/route-kind.js';
import { fingerprintOf } from './fingerprint.js';
import { storedAnswer, type KeptAnswer } from './kept-answer.js';
import { KeyedRequests, type KeyedRequest } from './keyed-requests.js';

const KEY_CHARACTERS_MAX = 255;

/**
 * `Idempotency-Key` on every POST that costs: the first request runs, to its end even when its client leaves, and later
 * ones with the same key and body get its answer.
 */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(
    private readonly reflector: Reflector,
    private readonly requests: KeyedRequests,
    private readonly events: EventStream,
  ) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const http = context.switchToHttp().getRequest<FastifyRequest>();
    const key = http.headers['idempotency-key'];
    if (key === undefined || routeKindOf(context, this.reflector) !== 'call') return next.handle();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const request = await keyedRequestOf(http, String(key));
    const kept = await this.requests.claim(request).catch(async (error: unknown) => {
      await discardUpload(http);
      throw error;
    });
    if (!kept) return this.run(request, reply, next);
    await discardUpload(http);
    await this.repeat(reply, kept);
    return of(undefined);
  }

  private run(request: KeyedRequest, reply: FastifyReply, next: CallHandler): Observable<unknown> {
    // The work goes on without its client, who may come back with the key.
    const current = currentRequest();
    if (current) current.signal = undefined;
    keepAnswer(reply.raw);
    beforeAnswerEnds(reply.raw, async (answer) => {
      if (answer.error) await this.requests.fail(request, answer.error);
      else if (answer.status < 400) await this.requests.keep(request, storedAnswer(answer));
    });
    return next.handle().pipe(
      catchError((thrown: unknown) => {
        const error = toAppError(thrown);
        return from(this.requests.fail(request, error)).pipe(switchMap(() => throwError(() => error)));
      }),
    );
  }

  private async repeat(reply: FastifyReply, kept: KeptAnswer): Promise<void> {
    reply.header('idempotency-replayed', 'true');
    if ('error' in kept) throw AppError.fromWire(kept.error);
    if ('events' in kept) await this.events.send(reply, parsed(kept.events));
    else await reply.status(kept.status).type('application/json; charset=utf-8').send(kept.body);
  }
}

async function* parsed(events: string[]): AsyncGenerator<unknown, void> {
  for (const event of events) yield await Promise.resolve(parseJson(event));
}

async function keyedRequestOf(http: FastifyRequest, key: string): Promise<KeyedRequest> {
  if (!/^[\x21-\x7e]+$/.test(key) || key.length > KEY_CHARACTERS_MAX) {
    const message = `Idempotency-Key: must have 1 to ${KEY_CHARACTERS_MAX} printable ASCII characters without spaces`;
    throw new AppError('invalid_request', message, { param: 'Idempotency-Key' });
  }
  const { account_id: accountId } = authenticatedCaller();
  const route = http.routeOptions.url ?? http.url;
  const path = `${http.method} ${route} ${JSON.stringify(http.params)}`;
  return {
    accountId,
    key,
    fingerprint: fingerprintOf(path, await bodyOf(http)),
    requestId: http.id,
    deadlineAt: new Date(currentRequest()?.deadlineAt ?? Date.now()),
  };
}

async function discardUpload({ body }: FastifyRequest): Promise<void> {
  if (body instanceof IncomingLog) await body.discard();
}

/** An upload is known by its digest, so that all of it must have come. */
async function bodyOf({ body, query }: FastifyRequest): Promise<unknown> {
  if (!(body instanceof IncomingLog)) return body;
  const { digest, fields } = await body.received();
  return { digest, fields, query };
}
