import { SetMetadata, type ExecutionContext } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';

const KIND = 'tollgate:route kind';

/**
 * What a request is counted as. A `call` reaches a model and costs: the plan's limits and Idempotency-Key are for it.
 * A `sign_in` is open to everybody and guarded by address. A `probe` is not counted.
 */
export type RouteKind = 'call' | 'plain' | 'sign_in' | 'probe';

/** For a POST that reaches no model: without this it is a call, so that none is forgotten. */
export const CostsNothing = () => SetMetadata<string, RouteKind>(KIND, 'plain');

/** For a GET that reaches a model. */
export const CostsLikeACall = () => SetMetadata<string, RouteKind>(KIND, 'call');

export const SignInRoute = () => SetMetadata<string, RouteKind>(KIND, 'sign_in');

/** Answers also while Redis is away. */
export const Probe = () => SetMetadata<string, RouteKind>(KIND, 'probe');

export function routeKindOf(context: ExecutionContext, reflector: Reflector): RouteKind {
  const kind = reflector.getAllAndOverride<RouteKind | undefined>(KIND, [context.getHandler(), context.getClass()]);
  if (kind) return kind;
  return context.switchToHttp().getRequest<FastifyRequest>().method === 'POST' ? 'call' : 'plain';
}
