import { AppError, type WebSocketTicket } from '@tollgate/contracts';
import { Inject, Injectable } from '@nestjs/common';
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { LimitsRedis } from '../limits/limits-redis.js';
import { WEB_SOCKET_OPTIONS, type WebSocketOptions } from './web-socket-options.js';

const PREFIX = 'tgw_';
const TICKET_BYTES = 32;
const CIPHER = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * A ticket stands for the bearer token that it was made with, once and for seconds: for browsers, whose WebSockets send no
 * headers and whose addresses end up in logs.
 *
 * Redis holds the token under the ticket's hash, encrypted with a key that only the ticket gives: who reads Redis has neither.
 * Whoever redeems it first, at whichever gateway, has it.
 */
@Injectable()
export class Tickets {
  constructor(
    @Inject(WEB_SOCKET_OPTIONS) private readonly options: WebSocketOptions,
    private readonly redis: LimitsRedis,
  ) {}

  async issue(token: string): Promise<WebSocketTicket> {
    const ticket = PREFIX + randomBytes(TICKET_BYTES).toString('base64url');
    const ttlMs = this.options.ticketTtlSeconds * 1_000;
    await this.redis.ask((redis) => redis.set(keyOf(ticket), sealed(token, ticket), 'PX', ttlMs));
    return { ticket, expires_at: new Date(Date.now() + ttlMs).toISOString() };
  }

  /** The token. Raises `unauthenticated` for a ticket that is unknown, used or expired: nobody can tell which. */
  async redeem(ticket: string): Promise<string> {
    const value = await this.redis.ask((redis) => redis.getdelBuffer(keyOf(ticket)));
    if (!value) throw new AppError('unauthenticated', 'The ticket is unknown, was used, or has expired.');
    return opened(value, ticket);
  }
}

function keyOf(ticket: string): string {
  return `tollgate:websocket-ticket:${createHash('sha256').update(ticket).digest('base64url')}`;
}

function secretOf(ticket: string): Buffer {
  return Buffer.from(hkdfSync('sha256', ticket, '', 'tollgate websocket ticket v1', 32));
}

function sealed(token: string, ticket: string): Buffer {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, secretOf(ticket), iv);
  const text = Buffer.concat([cipher.update(token), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), text]);
}

function opened(value: Buffer, ticket: string): string {
  const decipher = createDecipheriv(CIPHER, secretOf(ticket), value.subarray(0, IV_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAuthTag(value.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
  return Buffer.concat([decipher.update(value.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]).toString();
}
