import { invalidRequest } from '@tollgate/contracts';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { FastifyInstance } from 'fastify';

const methods = ['get', 'put', 'post', 'patch', 'delete'] as const;

/**
 * A query parameter that a route does not know is 400, on every route that is added after this: a misspelt `group_by`
 * must not be answered with figures of something else. What a route knows is what its description names. Routes that take
 * logs check their own: what they know depends on the kind of body.
 */
export function refuseUnknownParameters(fastify: FastifyInstance, document: OpenAPIObject): void {
  const known = knownParameters(document);
  fastify.addHook('preHandler', (request, _reply, done) => {
    if (!request.url.includes('?') || 'takesLogs' in request.routeOptions.config) return done();
    const names = known.get(`${request.method} ${request.routeOptions.url}`);
    const unknown = names && Object.keys(Object(request.query)).find((name) => !names.has(name));
    if (unknown === undefined) return done();
    done(invalidRequest([{ path: [unknown], message: 'is not a parameter of this route' }], 'query'));
  });
}

/** By method and route as Fastify names it: `GET /refine/:request_id`. */
function knownParameters(document: OpenAPIObject): Map<string, Set<string>> {
  const known = new Map<string, Set<string>>();
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const method of methods) {
      const operation = operations[method];
      if (!operation) continue;
      const parameters = (operation.parameters ?? []).filter((each) => 'in' in each && each.in === 'query');
      const names = parameters.flatMap((each) => ('name' in each ? [each.name] : []));
      known.set(`${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`, new Set(names));
    }
  }
  return known;
}
