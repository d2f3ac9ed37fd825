import type { FastifyInstance } from 'fastify';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

const CHECK_INTERVAL_MS = 100;
/** For a request that is on its way in when closing starts. */
const ARRIVAL_GRACE_MS = 1_000;

/**
 * Closing the server waits until every connection is gone. Node closes the idle ones once, at the start; this closes those
 * that become idle later (a stream that has ended), and those that never sent a request (browsers open some in
 * advance), which Node takes for busy. Requests and streams in flight are left to finish.
 */
export function drainOnClose(fastify: FastifyInstance): void {
  const running = new Map<Socket, number>();
  let timer: NodeJS.Timeout | undefined;

  fastify.server.on('connection', (socket: Socket) => {
    running.set(socket, 0);
    socket.once('close', () => running.delete(socket));
  });
  fastify.server.on('request', ({ socket }: { socket: Socket }, response: ServerResponse) => {
    const count = (by: number) => {
      if (running.has(socket)) running.set(socket, (running.get(socket) ?? 0) + by);
    };
    count(1);
    response.once('close', () => count(-1));
  });

  // WebSockets are drained by those who answer them.
  fastify.server.on('upgrade', (_request: unknown, socket: Socket) => running.delete(socket));

  fastify.addHook('onSend', (_request, reply, _payload, done) => {
    if (timer) reply.header('connection', 'close');
    done();
  });
  fastify.addHook('preClose', (done) => {
    const graceEndsAt = Date.now() + ARRIVAL_GRACE_MS;
    timer = setInterval(() => {
      fastify.server.closeIdleConnections();
      if (Date.now() < graceEndsAt) return;
      for (const [socket, requests] of running) if (requests === 0) socket.destroy();
    }, CHECK_INTERVAL_MS);
    done();
  });
  fastify.addHook('onClose', (_instance, done) => {
    clearInterval(timer);
    done();
  });
}
