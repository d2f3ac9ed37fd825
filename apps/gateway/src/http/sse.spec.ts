import { AppError } from '@tollgate/contracts';
import { createLogger, Logger } from '@tollgate/observability';
import type { FastifyReply } from 'fastify';
import { setImmediate as turn } from 'node:timers/promises';
import { Writable } from 'node:stream';
import { EventStream } from './sse.js';

/** A response that takes what is written only when the test reads. */
class SlowResponse extends Writable {
  status = 0;
  headers: Record<string, unknown> = {};
  text = '';
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly isReading = true) {
    super({ highWaterMark: 64 });
  }

  writeHead(status: number, headers: Record<string, unknown>): void {
    this.status = status;
    this.headers = headers;
  }

  override _write(chunk: Buffer, _encoding: string, taken: () => void): void {
    this.text += chunk.toString();
    if (this.isReading) taken();
    else this.waiting.push(taken);
  }

  read(): void {
    this.waiting.shift()?.();
  }
}

function replyOf(raw: SlowResponse): FastifyReply {
  const reply = {
    raw,
    request: { id: 'id-1' },
    hijack: jest.fn(),
    getHeaders: () => ({ 'x-request-id': 'id-1', vary: 'Origin' }),
  };
  return reply as unknown as FastifyReply;
}

const events = new EventStream(new Logger(createLogger('test', 'silent')));

async function* numbers(count: number, pulled: number[] = []) {
  for (let number = 1; number <= count; number += 1) {
    pulled.push(number);
    yield { number };
    await turn();
  }
}

describe('an event stream', () => {
  it('writes each part as one event and ends with [DONE], keeping the headers of the reply', async () => {
    const response = new SlowResponse();
    await events.send(replyOf(response), numbers(2));
    expect(response.status).toBe(200);
    expect(response.headers).toEqual({
      'x-request-id': 'id-1',
      vary: 'Origin',
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
    expect(response.text).toBe('data: {"number":1}\n\ndata: {"number":2}\n\ndata: [DONE]\n\n');
    expect(response.writableEnded).toBe(true);
  });

  it('leaves an error before the first part to the caller, with nothing written', async () => {
    const response = new SlowResponse();
    const reply = replyOf(response);
    const parts = {
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new AppError('overloaded', 'full')) }),
    };
    await expect(events.send(reply, parts)).rejects.toMatchObject({ code: 'overloaded' });
    expect(response.status).toBe(0);
    expect(reply.hijack).not.toHaveBeenCalled();
  });

  it('says an error after the first part in the usual body, then [DONE]', async () => {
    const response = new SlowResponse();
    async function* breaking() {
      yield* numbers(1);
      throw new AppError('provider_error', 'The model failed.');
    }
    await events.send(replyOf(response), breaking());
    const [, error, done] = response.text.trim().split('\n\n');
    expect(JSON.parse(error?.slice('data: '.length) ?? '')).toEqual({
      error: { message: 'The model failed.', type: 'api_error', param: null, code: 'provider_error' },
      detail: 'The model failed.',
      request_id: 'id-1',
    });
    expect(done).toBe('data: [DONE]');
    expect(response.writableEnded).toBe(true);
  });

  it('tells nothing of a defect in mid-stream', async () => {
    const response = new SlowResponse();
    async function* defective() {
      yield* numbers(1);
      throw new TypeError('secret');
    }
    await events.send(replyOf(response), defective());
    expect(response.text).toContain('"code":"internal"');
    expect(response.text).not.toContain('secret');
  });

  it('pulls no parts while the client does not read', async () => {
    const response = new SlowResponse(false);
    const pulled: number[] = [];
    const sent = events.send(replyOf(response), numbers(50, pulled));
    for (let i = 0; i < 100; i += 1) await turn();
    const pulledWhileFull = pulled.length;
    expect(pulledWhileFull).toBeLessThan(6);
    while (!response.writableFinished) {
      response.read();
      await turn();
    }
    await sent;
    expect(pulled).toHaveLength(50);
  });

  it('returns the iterator when the client leaves, before the first part or later, and writes no more', async () => {
    for (const partsBefore of [0, 1]) {
      const response = new SlowResponse();
      let isReturned = false;
      let leave: (() => void) | undefined;
      const parts = {
        [Symbol.asyncIterator]: () => {
          let served = 0;
          return {
            next: () =>
              served++ < partsBefore
                ? Promise.resolve({ done: false as const, value: { served } })
                : new Promise<IteratorResult<unknown>>(
                    (resolve) => (leave = () => resolve({ done: true, value: undefined })),
                  ),
            return: () => {
              isReturned = true;
              leave?.();
              return Promise.resolve({ done: true as const, value: undefined });
            },
          };
        },
      };
      const sent = events.send(replyOf(response), parts);
      await turn();
      response.destroy();
      await sent;
      expect(isReturned).toBe(true);
      expect(response.text).not.toContain('DONE');
    }
  });

  it('pings an idle client every 10 s', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    try {
      const response = new SlowResponse();
      let finish: (() => void) | undefined;
      async function* idle() {
        yield { number: 1 };
        await new Promise<void>((resolve) => (finish = resolve));
      }
      const sent = events.send(replyOf(response), idle());
      await turn();
      jest.advanceTimersByTime(20_000);
      expect(response.text).toBe('data: {"number":1}\n\n: ping\n\n: ping\n\n');
      finish?.();
      await sent;
      jest.advanceTimersByTime(20_000);
      expect(response.text.match(/ping/g)).toHaveLength(2);
    } finally {
      jest.useRealTimers();
    }
  });
});
