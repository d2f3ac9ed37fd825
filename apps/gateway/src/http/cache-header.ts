import type { CacheReport } from '@tollgate/contracts';
import type { FastifyReply } from 'fastify';

/** Where the answer came from: `hit`, `shared`, `miss` or `bypass`. */
export const CACHE_HEADER = 'x-tollgate-cache';

/** For a stream it must be called before its first part is handed on. */
export function setCacheHeader(reply: FastifyReply, cache: CacheReport | undefined): void {
  reply.header(CACHE_HEADER, cache?.outcome ?? 'bypass');
}
