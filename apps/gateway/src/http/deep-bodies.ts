import { AppError, isDeeperThan, JSON_LEVELS_MAX } from '@tollgate/contracts';
import type { FastifyInstance } from 'fastify';
import { Readable } from 'node:stream';

/** Of every route that is added after this. */
export function refuseDeepBodies(fastify: FastifyInstance): void {
  fastify.addHook('preValidation', (request, _reply, done) => {
    // A body that is read as it comes is no JSON; what a stream refers to leads back to itself, and a walk over it never ends.
    if (request.body instanceof Readable || !isDeeperThan(request.body, JSON_LEVELS_MAX)) return done();
    done(new AppError('invalid_request', `The body is nested deeper than ${JSON_LEVELS_MAX} levels.`));
  });
}
