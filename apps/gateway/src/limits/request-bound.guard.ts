import { isAppError } from '@tollgate/contracts';
import { limitKeys } from '@tollgate/limits';
import { currentRequest, Logger } from '@tollgate/observability';
import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { networkOf } from './client-network.js';
import { LIMITS_OPTIONS, type LimitsOptions } from './limits-options.js';
import { LimitsRedis } from './limits-redis.js';
import { limitRefusals } from './metrics.js';
import { routeKindOf, type RouteKind } from './route-kind.js';
import { rateLimitExceeded } from './rate-limit-error.js';

const MINUTE_MS = 60_000;

/**
 * A generous bound on requests of any kind: for each account, and for each network address where there is none. A call
 * without an Idempotency-Key is counted with its plan's limits, in their round trip.
 *
 * While Redis is away requests that cost nothing go on uncounted, and sign-ins are refused: their bound keeps passwords safe.
 */
@Injectable()
export class RequestBoundGuard implements CanActivate {
  constructor(
    @Inject(LIMITS_OPTIONS) private readonly options: LimitsOptions,
    private readonly reflector: Reflector,
    private readonly redis: LimitsRedis,
    private readonly logger: Logger,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const kind = routeKindOf(context, this.reflector);
    const isCountedLater = kind === 'call' && request.headers['idempotency-key'] === undefined;
    if (!this.options.enabled || kind === 'probe' || isCountedLater) return true;
    await this.count(kind, request.ip);
    return true;
  }

  private async count(kind: RouteKind, address: string): Promise<void> {
    const accountId = currentRequest()?.caller?.account_id;
    const { key, max, windowMs } = this.boundOf(kind, accountId, address);
    const answer = await this.redis.countRequest(key, max, windowMs).catch((error: unknown) => {
      if (kind === 'sign_in' || !isAppError(error)) throw error;
      this.logger.debug('A request was not counted.', { err: error });
    });
    if (!answer || answer.requests <= max) return;
    const { endsInMs } = answer;
    limitRefusals.inc({ limit: kind === 'sign_in' ? 'sign_in' : 'any' });
    const whose = accountId ? 'of this account' : 'from this address';
    throw rateLimitExceeded(`Too many requests ${whose}.`, { limit: max, limitName: kind, waitMs: endsInMs });
  }

  private boundOf(kind: RouteKind, accountId: string | undefined, address: string) {
    const { requestsMax, windowSeconds, signInsPerMinute } = this.options;
    const network = networkOf(address);
    if (kind === 'sign_in') {
      return { key: `tollgate:limits:sign-ins:{${network}}`, max: signInsPerMinute, windowMs: MINUTE_MS };
    }
    const key = accountId ? limitKeys(accountId).any : `tollgate:limits:{${network}}:any`;
    return { key, max: requestsMax, windowMs: windowSeconds * 1_000 };
  }
}
