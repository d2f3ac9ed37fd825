import helmet from '@fastify/helmet';
import Fastify, { type FastifyInstance } from 'fastify';

/** Enough for the page at /docs, which needs inline styles. */
const contentSecurityPolicy = {
  defaultSrc: ["'self'"],
  styleSrc: ["'self'", "'unsafe-inline'"],
  imgSrc: ["'self'", 'data:'],
  objectSrc: ["'none'"],
  baseUri: ["'none'"],
  formAction: ["'self'"],
  frameAncestors: ["'none'"],
};

/**
 * What helmet sets is the same for every answer, but it works it out each time (a tenth of what the gateway does for a
 * request): here it is asked once.
 */
export async function addSecurityHeaders(fastify: FastifyInstance): Promise<void> {
  const headers = await securityHeaders();
  fastify.addHook('onRequest', (_request, reply, done) => {
    reply.headers(headers);
    done();
  });
}

async function securityHeaders(): Promise<Record<string, string>> {
  const probe = Fastify();
  await probe.register(helmet, { contentSecurityPolicy: { useDefaults: false, directives: contentSecurityPolicy } });
  let probed: Record<string, unknown> = {};
  probe.get('/', (_request, reply) => {
    probed = reply.raw.getHeaders();
    return '';
  });
  await probe.inject('/');
  await probe.close();
  return Object.fromEntries(Object.entries(probed).map(([name, value]) => [name, String(value)]));
}
