import type { AppError } from '@tollgate/contracts';
import { Logger } from '@tollgate/observability';
import { Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { ServerResponse } from 'node:http';
import { finishAnswer, isAnswerKept } from './answer-end.js';
import { logError } from './error.filter.js';
import { errorResponse, toAppError } from './error-response.js';
import { streamsOpen } from './metrics.js';

const PING_INTERVAL_MS = 10_000;

const streamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/**
 * Writes parts as server-sent events, one `data:` line of JSON each, then `[DONE]`.
 *
 * Nothing is written before the first part is there, so that an error until then keeps its HTTP status. A later one is the
 * last event before `[DONE]`: a stream never ends silently. Parts are pulled no faster than the client reads, and the
 * iterator is returned when the client leaves, unless the answer is kept for one who comes back.
 */
@Injectable()
export class EventStream {
  constructor(private readonly logger: Logger) {}

  /** @param idOf what a client sends as Last-Event-ID to go on behind a part */
  async send<Part>(reply: FastifyReply, parts: AsyncIterable<Part>, idOf?: (part: Part) => string): Promise<void> {
    const iterator = parts[Symbol.asyncIterator]();
    const response = reply.raw;
    const isKept = isAnswerKept(response);
    const stop = () => void (isKept || this.stop(iterator));
    response.once('close', stop);
    try {
      const first = await iterator.next();
      if (response.destroyed && !isKept) return;
      reply.hijack();
      await this.write(reply, iterator, first, idOf);
    } finally {
      response.off('close', stop);
    }
  }

  private async write<Part>(
    reply: FastifyReply,
    iterator: AsyncIterator<Part>,
    first: IteratorResult<Part>,
    idOf?: (part: Part) => string,
  ): Promise<void> {
    const response = reply.raw;
    // Hijacking leaves them behind: the request id, CORS and helmet.
    response.writeHead(200, { ...definedHeaders(reply), ...streamHeaders });
    streamsOpen.inc();
    const ping = setInterval(() => {
      if (!response.destroyed && !response.writableNeedDrain) response.write(': ping\n\n');
    }, PING_INTERVAL_MS);
    const isKept = isAnswerKept(response);
    const events: string[] = [];
    let error: AppError | undefined;
    try {
      for (let part = first; !part.done && (isKept || !response.destroyed); part = await iterator.next()) {
        const event = JSON.stringify(part.value);
        if (isKept) events.push(event);
        await writeEvent(response, event, idOf?.(part.value));
      }
    } catch (thrown) {
      error = toAppError(thrown);
      if (!response.destroyed) logError(this.logger, error);
      await writeEvent(response, JSON.stringify(errorResponse(error, reply.request.id).body));
    } finally {
      clearInterval(ping);
      streamsOpen.dec();
    }
    await finishAnswer(response, { status: 200, events, error });
    await writeEvent(response, '[DONE]');
    if (!response.destroyed) response.end();
  }

  private async stop(iterator: AsyncIterator<unknown>): Promise<void> {
    try {
      await iterator.return?.();
    } catch (error) {
      this.logger.debug('A stream failed while it was stopped.', { err: error });
    }
  }
}

/** Resolves when the client can take more, or has left. */
function writeEvent(response: ServerResponse, data: string, id?: string): Promise<void> {
  const event = id === undefined ? `data: ${data}\n\n` : `id: ${id}\ndata: ${data}\n\n`;
  if (response.destroyed || response.write(event)) return Promise.resolve();
  return new Promise((resolve) => {
    const settle = () => {
      response.off('drain', settle).off('close', settle);
      resolve();
    };
    response.on('drain', settle).on('close', settle);
  });
}

function definedHeaders(reply: FastifyReply): Record<string, number | string | string[]> {
  const headers: Record<string, number | string | string[]> = {};
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) headers[name] = value;
  return headers;
}
