import { AppError, CHAT_SUBPROTOCOL } from '@tollgate/contracts';
import type { IncomingHttpHeaders } from 'node:http';

/**
 * Browsers open WebSockets to anywhere without asking, and say only from which page: that page must be one that may call over
 * HTTP too. A client that is no browser sends no Origin. Raises `forbidden`.
 */
export function checkOrigin({ origin }: IncomingHttpHeaders, allowed: readonly string[]): void {
  if (origin === undefined || allowed.includes(origin)) return;
  throw new AppError('forbidden', 'Pages of this origin may not connect; CORS_ORIGINS names those that may.');
}

/** None at all is fine; others alone are for somebody else. Raises `invalid_request`. */
export function checkSubprotocol(headers: IncomingHttpHeaders): void {
  const offered = headers['sec-websocket-protocol'];
  if (offered === undefined || offered.split(',').some((name) => name.trim() === CHAT_SUBPROTOCOL)) return;
  throw new AppError('invalid_request', `The only subprotocol here is ${CHAT_SUBPROTOCOL}.`, {
    param: 'Sec-WebSocket-Protocol',
  });
}
