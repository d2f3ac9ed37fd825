import { AppError } from '@tollgate/contracts';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Tickets } from './tickets.service.js';
import { isWebSocketUpgrade } from './upgrades.js';

export const chatPaths = ['ws/chat', 'api/v1/ws/chat'];

const TICKET_CHARACTERS_MAX = 128;
const Query = z.object({ ticket: z.string().max(TICKET_CHARACTERS_MAX) });

/** Puts the token that a ticket stands for where the guard looks for it. Of routes that are added after this. */
export function redeemTicketsAtHandshakes(fastify: FastifyInstance, tickets: Tickets): void {
  const redeem = async (request: FastifyRequest) => {
    const { success, data } = Query.safeParse(request.query);
    if (!success || !isWebSocketUpgrade(request.raw)) return;
    const { headers } = request.raw;
    if (headers.authorization !== undefined) {
      throw new AppError('invalid_request', 'A handshake has a ticket or an Authorization header, not both.');
    }
    headers.authorization = `Bearer ${await tickets.redeem(data.ticket)}`;
  };
  fastify.addHook('onRoute', (route) => {
    if (chatPaths.includes(route.url.replace(/^\//, ''))) route.onRequest = [redeem];
  });
}
