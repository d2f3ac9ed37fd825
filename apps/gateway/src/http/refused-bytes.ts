import { AppError } from '@tollgate/contracts';
import type { Socket } from 'node:net';
import { STATUS_CODES } from 'node:http';
import { errorResponse } from './error-response.js';

/**
 * Answers what never became a request: bytes that are no HTTP, headers beyond the limit, a client that is too slow. Lengths that
 * contradict each other end here as well (request smuggling): Node's parser refuses them, and the connection is
 * closed, so that nothing after them is read as a request.
 */
export function refuseBytes(error: Error & { code?: string }, socket: Socket, requestId: string): void {
  if (!socket.writable) return void socket.destroy();
  const { status, body } = errorResponse(refusalOf(error), requestId);
  const json = JSON.stringify(body);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(json)}`,
    `x-request-id: ${requestId}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${json}`, () => socket.destroy());
}

function refusalOf(error: Error & { code?: string }): AppError {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return new AppError('headers_too_large', 'The headers are larger than the limit.', { cause: error });
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new AppError('request_timeout', 'The request did not arrive in time.', { cause: error });
    default:
      return new AppError('invalid_request', 'The request is not valid HTTP.', { cause: error });
  }
}
