import { AppError, CHAT_SUBPROTOCOL } from '@tollgate/contracts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';

/** For a client to answer a close frame. */
const CLOSE_TIMEOUT_MS = 5_000;

interface Upgrade {
  socket: Socket;
  head: Buffer;
}

const upgrades = new WeakMap<IncomingMessage, Upgrade>();

/** Everything else that asks for an upgrade (curl asks for h2c) is answered as if it had not. */
export function isWebSocketUpgrade({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket';
}

/**
 * Sends handshakes through Fastify like any other request, so that guards, limits, errors and logs are the same: who may not
 * connect gets an answer with a status and a body.
 */
export function routeUpgrades(fastify: FastifyInstance): void {
  fastify.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (!(socket instanceof Socket)) return void socket.destroy();
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    // Node no longer looks after this socket.
    socket.on('error', () => socket.destroy());
    response.once('finish', () => socket.destroySoon());
    upgrades.set(request, { socket, head });
    fastify.routing(request, response);
  });
}

/** Makes WebSockets of the requests that {@link routeUpgrades} has sent. */
export class Upgrader {
  private readonly server: WebSocketServer;

  /** @param frameBytesMax a larger one ends its connection with 1009 */
  constructor(frameBytesMax: number) {
    const options = {
      noServer: true,
      clientTracking: false,
      maxPayload: frameBytesMax,
      // A compressed frame may be a bomb, and each connection would keep windows of its own.
      perMessageDeflate: false,
      handleProtocols: () => CHAT_SUBPROTOCOL,
      closeTimeout: CLOSE_TIMEOUT_MS, // Not in its types.
    };
    this.server = new WebSocketServer(options);
    this.server.on('wsClientError', () => undefined); // It is answered below.
  }

  /** Raises `invalid_request` for a request that is no handshake. */
  upgrade(request: FastifyRequest, reply: FastifyReply): WebSocket {
    const upgrade = upgrades.get(request.raw);
    if (!upgrade) {
      throw new AppError('invalid_request', 'This is for WebSockets: the request must ask for Upgrade: websocket.');
    }
    const accepted: WebSocket[] = [];
    this.server.handleUpgrade(request.raw, upgrade.socket, upgrade.head, (socket) => accepted.push(socket));
    const [webSocket] = accepted;
    if (!webSocket) throw new AppError('invalid_request', 'The WebSocket handshake is not valid.');
    this.endRequest(reply, upgrade.socket);
    return webSocket;
  }

  /** The part that was HTTP is over, and is logged and counted as what it was answered with. */
  private endRequest(reply: FastifyReply, socket: Socket): void {
    reply.hijack();
    const { raw: response } = reply;
    response.detachSocket(socket);
    response.statusCode = 101;
    response.end();
    response.emit('close');
  }
}
