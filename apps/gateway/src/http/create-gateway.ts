import { Logger, pooledRandomBytes } from '@tollgate/observability';
import cookie from '@fastify/cookie';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { v7 as uuidv7 } from 'uuid';
import type { GatewayConfig } from '../config.js';
import { GatewayModule } from '../gateway.module.js';
import { limitHeaderNames } from '../limits/limit-headers.js';
import { acceptLogs } from '../log-analysis/incoming-log.js';
import { LogUploads } from '../log-analysis/log-uploads.service.js';
import { redeemTicketsAtHandshakes } from '../web-socket/ticket-handshakes.js';
import { Tickets } from '../web-socket/tickets.service.js';
import { isWebSocketUpgrade, routeUpgrades } from '../web-socket/upgrades.js';
import { acceptCsv } from '../reconciliation/accept-csv.js';
import { finishAnswersOf } from './answer-end.js';
import { limitConnections } from './connection-limits.js';
import { drainOnClose } from './drain.js';
import { errorResponse, toAppError } from './error-response.js';
import { refuseDeepBodies } from './deep-bodies.js';
import { refuseOddRequests } from './odd-requests.js';
import { refuseBytes } from './refused-bytes.js';
import { serveDocumentation } from './documentation.js';
import { addRequestHook } from './request-hook.js';
import { addSecurityHeaders } from './security-headers.js';

/** How often Node looks for clients that are too slow; its own half minute would make every timeout as long. */
const SLOW_CLIENTS_CHECK_MS = 1_000;
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
  limitConnections(adapter.getInstance(), config.http);
  refuseOddRequests(adapter.getInstance());
  refuseDeepBodies(adapter.getInstance());
  routeUpgrades(adapter.getInstance());
  redeemTicketsAtHandshakes(adapter.getInstance(), app.get(Tickets));
  adapter.getInstance().removeContentTypeParser('text/plain');
  acceptLogs(adapter.getInstance(), app.get(LogUploads));
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
  serveDocumentation(app);
  return app;
}

function createAdapter({ bodyBytesMax, trustProxy, ...timeouts }: GatewayConfig['http']): FastifyAdapter {
  return new FastifyAdapter({
    bodyLimit: bodyBytesMax,
    requestTimeout: timeouts.receiveTimeoutMs,
    keepAliveTimeout: timeouts.keepAliveTimeoutMs,
    http: {
      headersTimeout: timeouts.headersTimeoutMs,
      maxHeaderSize: HEADERS_BYTES_MAX,
      connectionsCheckingInterval: SLOW_CLIENTS_CHECK_MS,
      // Refused with a body that says why, instead of Node's empty one.
      requireHostHeader: false,
      shouldUpgradeCallback: isWebSocketUpgrade,
    },
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
    clientErrorHandler: (error, socket) => refuseBytes(error, socket, newRequestId()),
  });
}

function newRequestId(): string {
  return uuidv7({ random: pooledRandomBytes(16) });
}
