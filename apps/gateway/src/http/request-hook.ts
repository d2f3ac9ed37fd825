import { AppError } from '@tollgate/contracts';
import { childTraceparent, Logger, runInRequest, type RequestContext } from '@tollgate/observability';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { requestDurationSeconds, requestsTotal } from './metrics.js';

const CLIENT_REQUEST_ID_CHARACTERS_MAX = 128;
const CLIENT_CLOSED_STATUS = 499;
const quietRoutes = new Set(['/health', '/ready', '/metrics']);

/** Runs every request inside its {@link RequestContext}, and counts and logs it when it has ended. */
export function addRequestHook(adapter: FastifyAdapter, requestTimeoutMs: number, logger: Logger): void {
  // The adapter's own hook runs before all others, CORS included.
  adapter.setOnRequestHook((request: FastifyRequest, reply: FastifyReply, done: () => void) => {
    const startedAt = performance.now();
    const clientGone = new AbortController();
    const context: RequestContext = {
      requestId: request.id,
      address: request.ip,
      traceparent: childTraceparent(headerOf(request, 'traceparent')),
      deadlineAt: Date.now() + requestTimeoutMs,
      signal: clientGone.signal,
    };
    reply.header('x-request-id', context.requestId);
    reply.header('traceparent', context.traceparent);
    // Not Fastify's onResponse: it does not hear of a client that left in the middle of a stream.
    reply.raw.once('close', () => {
      const isAnswered = reply.raw.writableEnded;
      if (!isAnswered) clientGone.abort(new AppError('cancelled', 'The client closed the connection.'));
      const status = isAnswered ? reply.raw.statusCode : CLIENT_CLOSED_STATUS;
      runInRequest(context, () => record(request, status, performance.now() - startedAt, logger));
    });
    runInRequest(context, done);
  });
}

function record(request: FastifyRequest, status: number, durationMs: number, logger: Logger): void {
  const { method } = request;
  const route = request.routeOptions.url ?? 'none';
  const labels = { route, method, status: String(status) };
  requestsTotal.inc(labels);
  requestDurationSeconds.observe(labels, durationMs / 1_000);
  const level = quietRoutes.has(route) ? 'debug' : 'log';
  logger[level]('request', {
    route,
    method,
    status,
    duration_ms: Math.round(durationMs),
    client_request_id: printable(headerOf(request, 'x-request-id')),
  });
}

function headerOf(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}

function printable(clientRequestId: string | undefined): string | undefined {
  return clientRequestId?.replace(/[^\x20-\x7e]/g, '').slice(0, CLIENT_REQUEST_ID_CHARACTERS_MAX);
}
