import { AppError } from '@tollgate/contracts';
import { Logger, pooledRandomBytes } from '@tollgate/observability';
import cookie from '@fastify/cookie';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { v7 as uuidv7 } from 'uuid';
import type { GatewayConfig } from '../config.js';
import { GatewayModule } from '../gateway.module.js';
import { limitHeaderNames } from '../limits/limit-headers.js';
import { acceptCsv } from '../reconciliation/accept-csv.js';
import { finishAnswersOf } from './answer-end.js';
import { drainOnClose } from './drain.js';
import { errorResponse, toAppError } from './error-response.js';
import { refuseDeepBodies } from './json-depth.js';
import { createDocument } from './openapi.js';
import { addRequestHook } from './request-hook.js';
import { addSecurityHeaders } from './security-headers.js';

/** To send the whole request, so that slow clients cannot hold connections for ever. */
const RECEIVE_TIMEOUT_MS = 60_000;
const HEADERS_TIMEOUT_MS = 20_000;
const HEADERS_BYTES_MAX = 16 * 1024;

/** The whole gateway, ready to listen. */
export async function createGateway(config: GatewayConfig): Promise<NestFastifyApplication> {
  const adapter = createAdapter(config.http);
  const app = await NestFactory.create<NestFastifyApplication>(GatewayModule.forRoot(config), adapter, {
    // Fastify's own parser: JSON only, refuses keys that would pollute a prototype.
    bodyParser: false,
    bufferLogs: true,
    abortOnError: false,
  });
  const logger = app.get(Logger);
  app.useLogger(logger);
  addRequestHook(adapter, config.requestTimeoutMs, logger);
  finishAnswersOf(adapter.getInstance());
  drainOnClose(adapter.getInstance());
  refuseDeepBodies(adapter.getInstance());
  adapter.getInstance().removeContentTypeParser('text/plain');
  acceptCsv(adapter.getInstance());
  await app.register(cookie);
  await addSecurityHeaders(adapter.getInstance());
  if (config.http.corsOrigins.length > 0) {
    app.enableCors({
      origin: [...config.http.corsOrigins],
      credentials: true,
      exposedHeaders: [
        'x-request-id',
        'x-tollgate-cache',
        'retry-after',
        'x-should-retry',
        'traceparent',
        'idempotency-replayed',
        ...limitHeaderNames,
      ],
    });
  }
  SwaggerModule.setup('docs', app, () => createDocument(app), { jsonDocumentUrl: 'openapi.json', raw: ['json'] });
  return app;
}

function createAdapter({ bodyBytesMax, trustProxy }: GatewayConfig['http']): FastifyAdapter {
  return new FastifyAdapter({
    bodyLimit: bodyBytesMax,
    requestTimeout: RECEIVE_TIMEOUT_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS, maxHeaderSize: HEADERS_BYTES_MAX },
    trustProxy: Array.isArray(trustProxy) ? [...trustProxy] : trustProxy,
    // The ledger relies on it being ours and unique: never taken from the client.
    genReqId: () => newRequestId(),
    requestIdHeader: false,
    // A request on an open connection is served while the process drains, and the connection closed after it.
    return503OnClosing: false,
    routerOptions: { ignoreTrailingSlash: true },
    // What the router refuses before any hook.
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      const { status, headers, body } = errorResponse(toAppError(error), request.id);
      void reply
        .status(status)
        .headers({ ...headers, 'x-request-id': request.id })
        .send(body);
    },
    // What is no HTTP at all.
    clientErrorHandler: (error, socket) => {
      if (!socket.writable) return;
      const requestId = newRequestId();
      const refused = new AppError('invalid_request', 'The request is not valid HTTP.', { cause: error });
      const body = JSON.stringify(errorResponse(refused, requestId).body);
      const head = `HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nx-request-id: ${requestId}\r\n`;
      socket.end(`${head}content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`);
    },
  });
}

function newRequestId(): string {
  return uuidv7({ random: pooledRandomBytes(16) });
}
