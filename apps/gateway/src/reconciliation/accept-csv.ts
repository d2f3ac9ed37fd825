import { AppError } from '@tollgate/contracts';
import type { FastifyInstance } from 'fastify';

export const RECONCILIATIONS_PATH = '/api/v1/admin/reconciliations';

/** The body of an upload stays a stream, whose size the reader bounds; every other route refuses CSV as before. */
export function acceptCsv(fastify: FastifyInstance): void {
  fastify.addContentTypeParser('text/csv', (request, payload, done) => {
    if (request.routeOptions.url === RECONCILIATIONS_PATH) return done(null, payload);
    return done(new AppError('unsupported_media_type', 'The content-type must be application/json.'), undefined);
  });
}
