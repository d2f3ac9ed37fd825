import { AppError } from '@tollgate/contracts';
import type { FastifyInstance } from 'fastify';
import { Readable } from 'node:stream';

/** Whatever nests deeper overflows the stack of those who walk it recursively, JSON.stringify first. */
export const JSON_LEVELS_MAX = 64;

/** Of every route that is added after this. */
export function refuseDeepBodies(fastify: FastifyInstance): void {
  fastify.addHook('preValidation', (request, _reply, done) => {
    // A body that is read as it comes is no JSON; what a stream refers to leads back to itself, and a walk over it never ends.
    if (request.body instanceof Readable || !isDeeperThan(request.body, JSON_LEVELS_MAX)) return done();
    done(new AppError('invalid_request', `The body is nested deeper than ${JSON_LEVELS_MAX} levels.`));
  });
}

/** An object or a list is one level; what is in it, one more. */
export function isDeeperThan(value: unknown, levelsMax: number): boolean {
  let level = [value].filter(isContainer);
  for (let depth = 0; depth < levelsMax && level.length > 0; depth += 1) {
    level = level.flatMap((container) => Object.values(container).filter(isContainer));
  }
  return level.length > 0;
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
