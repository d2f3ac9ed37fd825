import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, stream, type InputOf } from '@tollgate/contracts';
import { Controller } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { eventually, failureOf } from '@tollgate/testing';
import { z } from 'zod';
import { Handle, MessageContext } from '../src/index.js';
import { ServicesUnderTest, startMessages } from './service-under-test.js';

const services = new ServicesUnderTest();

beforeAll(() => services.open());
afterEach(() => services.stopReplicas());
afterAll(() => services.close());

describe('a stream', () => {
  const countIn = (service: string) =>
    stream(`${service}.count`, { input: z.object({ to: z.number() }), part: z.number() });

  it('arrives complete and in order', async () => {
    const count = countIn(services.newName());
    @Controller()
    class CountHandler {
      @Handle(count)
      async *count(@Payload() { to }: InputOf<typeof count>) {
        for (let n = 0; n < to; n += 1) yield n;
      }
    }
    await services.serve([count], [CountHandler]);
    await services.serve([count], [CountHandler]);
    const read = async () => {
      const parts: number[] = [];
      for await (const part of services.messages.stream(count, { to: 2_000 })) parts.push(part);
      return parts;
    };
    const expected = Array.from({ length: 2_000 }, (_, n) => n);
    for (const parts of await Promise.all(Array.from({ length: 10 }, read))) expect(parts).toEqual(expected);
  });

  it('hands out the first part while the handler is still working', async () => {
    const count = countIn(services.newName());
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    @Controller()
    class CountHandler {
      @Handle(count)
      async *count() {
        yield 0;
        await released;
        yield 1;
      }
    }
    await services.serve([count], [CountHandler]);
    const parts = services.messages.stream(count, { to: 2 });
    expect(await parts.next()).toEqual({ done: false, value: 0 });
    release();
    expect(await parts.next()).toEqual({ done: false, value: 1 });
    expect((await parts.next()).done).toBe(true);
  });

  it('hands out what came before an error, then the error', async () => {
    const count = countIn(services.newName());
    @Controller()
    class CountHandler {
      @Handle(count)
      async *count() {
        yield 0;
        yield 1;
        throw new AppError('provider_error', 'It broke.');
      }
    }
    await services.serve([count], [CountHandler]);
    const received: number[] = [];
    const error = await failureOf(
      (async () => {
        for await (const part of services.messages.stream(count, { to: 2 })) received.push(part);
      })(),
    );
    expect(received).toEqual([0, 1]);
    expect(error.code).toBe('provider_error');
  });

  it('that is left early aborts the handler and runs its clean-up, through two hops', async () => {
    const inner = countIn(services.newName());
    const outer = countIn(services.newName());
    const cleanedUp: string[] = [];
    @Controller()
    class InnerHandler {
      @Handle(inner)
      async *count(@Payload() _: unknown, @Ctx() { signal }: MessageContext) {
        try {
          for (let n = 0; ; n += 1) {
            yield n;
            await sleep(n < 3 ? 1 : 10_000, undefined, { signal });
          }
        } finally {
          cleanedUp.push('inner');
        }
      }
    }
    @Controller()
    class OuterHandler {
      @Handle(outer)
      async *count() {
        try {
          yield* services.messages.stream(inner, { to: 0 });
        } finally {
          cleanedUp.push('outer');
        }
      }
    }
    await services.serve([inner], [InnerHandler]);
    await services.serve([outer], [OuterHandler]);
    for await (const part of services.messages.stream(outer, { to: 0 })) if (part === 2) break;
    await eventually(
      () => cleanedUp.length === 2,
      (is) => is,
    );
    expect(cleanedUp.sort()).toEqual(['inner', 'outer']);
  });

  it('whose caller aborts while waiting for a part ends as cancelled', async () => {
    const count = countIn(services.newName());
    let aborted = false;
    @Controller()
    class SilentHandler {
      @Handle(count)
      async *count(@Payload() _: unknown, @Ctx() { signal }: MessageContext) {
        signal.addEventListener('abort', () => (aborted = true));
        yield 0;
        await sleep(10_000, undefined, { signal });
      }
    }
    await services.serve([count], [SilentHandler]);
    const controller = new AbortController();
    const parts = services.messages.stream(count, { to: 1 }, { signal: controller.signal });
    await parts.next();
    setTimeout(() => controller.abort(), 20);
    expect((await failureOf(parts.next())).code).toBe('cancelled');
    await eventually(
      () => aborted,
      (is) => is,
    );
  });

  it('is aborted when the calling process is gone', async () => {
    const count = countIn(services.newName());
    let aborted = false;
    @Controller()
    class CountHandler {
      @Handle(count)
      async *count(@Payload() _: unknown, @Ctx() { signal }: MessageContext) {
        signal.addEventListener('abort', () => (aborted = true));
        for (let n = 0; !signal.aborted; n += 1) {
          yield n;
          await sleep(5);
        }
      }
    }
    await services.serve([count], [CountHandler]);
    const before = new Set(await services.redis.keys('tollgate:{replies:*'));
    const doomed = await startMessages();
    const [replies] = (await services.redis.keys('tollgate:{replies:*')).filter((key) => !before.has(key));
    const parts = doomed.stream(count, { to: 0 });
    await parts.next();
    await services.redis.del(replies ?? ''); // As it expires when its process was killed.
    await eventually(
      () => aborted,
      (is) => is,
      4_000,
    );
    await doomed.onApplicationShutdown();
  });

  it('ends with a clear error when a part is too large', async () => {
    const texts = stream(`${services.newName()}.texts`, { input: z.object({}), part: z.string() });
    @Controller()
    class TextHandler {
      @Handle(texts)
      async *texts() {
        yield 'x'.repeat(1024 * 1024);
        yield 'x'.repeat(3 * 1024 * 1024);
      }
    }
    await services.serve([texts], [TextHandler]);
    const parts = services.messages.stream(texts, {});
    expect((await parts.next()).value).toHaveLength(1024 * 1024);
    expect((await failureOf(parts.next())).code).toBe('payload_too_large');
  });
});
