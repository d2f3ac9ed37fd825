import type { FastifyInstance } from 'fastify';
import type { Socket } from 'node:net';
import type { GatewayConfig } from '../config.js';
import { networkOf } from '../limits/client-network.js';
import { connectionsRefused } from './metrics.js';

type ConnectionOptions = Pick<
  GatewayConfig['http'],
  'connectionsMax' | 'connectionsPerAddressMax' | 'requestsPerConnectionMax' | 'trustProxy'
>;

/**
 * Connections at once, of all clients and of one network address. One too many is closed without an answer: whoever opens
 * thousands does not read them. Behind a trusted proxy every connection comes from the proxy, which then has to count
 * its own clients, so that only the total holds.
 */
export function limitConnections({ server }: FastifyInstance, options: ConnectionOptions): void {
  server.maxConnections = options.connectionsMax;
  server.maxRequestsPerSocket = options.requestsPerConnectionMax;
  server.on('drop', () => connectionsRefused.inc({ limit: 'total' }));
  if (options.trustProxy !== false) return;
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const network = networkOf(socket.remoteAddress ?? '');
    const count = (open.get(network) ?? 0) + 1;
    if (count > options.connectionsPerAddressMax) {
      connectionsRefused.inc({ limit: 'address' });
      socket.destroy();
      return;
    }
    open.set(network, count);
    socket.once('close', () => {
      const left = (open.get(network) ?? 1) - 1;
      if (left > 0) open.set(network, left);
      else open.delete(network);
    });
  });
}
