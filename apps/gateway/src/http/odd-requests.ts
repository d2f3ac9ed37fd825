import { AppError } from '@tollgate/contracts';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';

/** Node drops what is beyond its own count without a word; a header that somebody else saw must not be missing here. */
const HEADERS_MAX = 100;
/** A name, an IPv4 or an IPv6 address, and a port: nothing that would change a URL which is built with it. */
const hostPattern = /^(?:[\w.-]{1,253}|\[[\da-f:.]{2,45}\])(?::\d{1,5})?$/i;

/** Of every route: what no honest client sends is refused before anybody reads on. */
export function refuseOddRequests(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, _reply, done) => done(refusalOf(request)));
}

function refusalOf({ raw }: FastifyRequest): AppError | undefined {
  if (raw.rawHeaders.length > 2 * HEADERS_MAX) {
    return new AppError('headers_too_large', `The request has more than ${HEADERS_MAX} headers.`);
  }
  const { host } = raw.headers;
  if (host === undefined && raw.httpVersion !== '1.0') {
    return new AppError('invalid_request', 'The header Host is missing, which HTTP/1.1 needs.');
  }
  if (host !== undefined && !hostPattern.test(host)) {
    return new AppError('invalid_request', 'The header Host is not the name of a host.');
  }
  return isPackedJson(raw)
    ? new AppError('unsupported_media_type', 'A JSON body must come without a Content-Encoding.')
    : undefined;
}

/** A kilobyte of gzip can be a gigabyte of JSON; the limit of a body is one of what was sent. */
function isPackedJson({ headers }: IncomingMessage): boolean {
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? '';
  const isJson = headers['content-type']?.toLowerCase().includes('json') ?? false;
  return isJson && encoding !== '' && encoding !== 'identity';
}
