import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, isAppError, request, stream, type Contract, type InputOf } from '@tollgate/contracts';
import { currentRequest, runInRequest, traceIdOf } from '@tollgate/observability';
import { Controller, type INestMicroservice, type Type } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { eventually, failureOf, testRedisUrl } from '@tollgate/testing';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { Handle, MessageContext, type Messages } from '../src/index.js';
import { startMessages, startReplica } from './service-under-test.js';

let serial = 0;
/** A service name of its own for every test, so that tests share nothing but Redis. */
const newService = () => `test-${process.pid}-${(serial += 1)}`;

const running: INestMicroservice[] = [];
let messages: Messages;
let redis: Redis;

async function serve(contracts: Contract[], handlers: Type[], options: { slots?: number } = {}) {
  const app = await startReplica({ contracts, handlers, ...options });
  running.push(app);
  return app;
}

beforeAll(async () => {
  messages = await startMessages();
  redis = new Redis(testRedisUrl());
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((app) => app.close()));
});
afterAll(async () => {
  await messages.onApplicationShutdown();
  redis.disconnect();
});

describe('a request', () => {
  const echoIn = (service: string) =>
    request(`${service}.echo`, { input: z.object({ n: z.number() }), output: z.object({ n: z.number() }) });

  it('is handled by exactly one of two replicas, and both take part', async () => {
    const echo = echoIn(newService());
    const handled: Record<string, number[]> = { a: [], b: [] };
    const replica = (name: string) => {
      @Controller()
      class EchoHandler {
        @Handle(echo)
        async echo(@Payload() { n }: InputOf<typeof echo>) {
          handled[name]?.push(n);
          await sleep(1);
          return { n };
        }
      }
      return EchoHandler;
    };
    await serve([echo], [replica('a')], { slots: 8 });
    await serve([echo], [replica('b')], { slots: 8 });

    const numbers = Array.from({ length: 1_000 }, (_, n) => n);
    const answers = await Promise.all(numbers.map((n) => messages.send(echo, { n })));

    expect(answers.map(({ n }) => n)).toEqual(numbers);
    expect([...(handled['a'] ?? []), ...(handled['b'] ?? [])].sort((x, y) => x - y)).toEqual(numbers);
    expect(handled['a']?.length).toBeGreaterThan(0);
    expect(handled['b']?.length).toBeGreaterThan(0);
  });

  it('leaves nothing behind in Redis but its fence, which expires', async () => {
    const echo = echoIn(newService());
    @Controller()
    class EchoHandler {
      @Handle(echo)
      echo(@Payload() { n }: InputOf<typeof echo>) {
        return { n };
      }
    }
    await serve([echo], [EchoHandler]);
    await messages.send(echo, { n: 1 }, { timeoutMs: 1_000 });
    await sleep(50);

    expect(await redis.xlen(`tollgate:{${echo.service}}:requests`)).toBe(0);
    const left = await redis.keys(`tollgate:{${echo.service}}:started:*`);
    for (const key of left) expect(await redis.pttl(key)).toBeGreaterThan(0);
  });

  it('brings an AppError of the handler to the caller with code, message, param and details', async () => {
    const echo = echoIn(newService());
    @Controller()
    class FailingHandler {
      @Handle(echo)
      echo(): never {
        throw new AppError('context_length_exceeded', 'Too long.', {
          param: 'text',
          details: { limit: 5 },
          cause: new Error('secret'),
        });
      }
    }
    await serve([echo], [FailingHandler]);
    const error = await failureOf(messages.send(echo, { n: 1 }));
    expect(error).toMatchObject({
      code: 'context_length_exceeded',
      message: 'Too long.',
      param: 'text',
      details: { limit: 5 },
    });
    expect(JSON.stringify(error.toWire())).not.toContain('secret');
  });

  it.each([
    ['an Error', new Error('password=hunter2')],
    ['a string', 'hunter2'],
    ['undefined', undefined],
  ])('answers "internal" and nothing more when the handler throws %s', async (_, thrown) => {
    const echo = echoIn(newService());
    @Controller()
    class ThrowingHandler {
      @Handle(echo)
      echo(): never {
        throw thrown;
      }
    }
    await serve([echo], [ThrowingHandler]);
    const error = await failureOf(messages.send(echo, { n: 1 }));
    expect(error.code).toBe('internal');
    expect(error.message).not.toContain('hunter2');
  });

  it('is refused with the path of the field when its data does not fit the contract', async () => {
    const echo = echoIn(newService());
    let started = false;
    @Controller()
    class EchoHandler {
      @Handle(echo)
      echo() {
        started = true;
      }
    }
    await serve([echo], [EchoHandler]);
    const error = await failureOf(messages.send(echo, JSON.parse('{"n":"one"}')));
    expect(error).toMatchObject({ code: 'invalid_request', param: 'n' });
    expect(started).toBe(false);
  });

  it('carries caller, request id, trace and deadline, through a nested request too', async () => {
    const inner = request(`${newService()}.inner`, { input: z.object({}), output: z.unknown() });
    const outer = request(`${newService()}.outer`, { input: z.object({}), output: z.unknown() });
    @Controller()
    class InnerHandler {
      @Handle(inner)
      inner(@Payload() _: unknown, @Ctx() { requestId, caller, deadlineAt }: MessageContext) {
        return { requestId, caller, deadlineAt, trace: traceIdOf(currentRequest()?.traceparent ?? '') };
      }
    }
    @Controller()
    class OuterHandler {
      @Handle(outer)
      outer() {
        return messages.send(inner, {}, { timeoutMs: 60_000 });
      }
    }
    await serve([inner], [InnerHandler]);
    await serve([outer], [OuterHandler]);
    const id = '0199a0f0-0000-7000-8000-000000000000';
    const caller = { account_id: id, user_id: id, tier: 'pro', role: 'user' } as const;
    const deadlineAt = Date.now() + 5_000;
    const trace = 'a'.repeat(32);

    const seen = await runInRequest(
      { requestId: 'r1', traceparent: `00-${trace}-${'b'.repeat(16)}-01`, caller, deadlineAt },
      () => messages.send(outer, {}),
    );
    expect(seen).toEqual({ requestId: 'r1', caller, deadlineAt, trace });
  });

  it('is never started when its deadline passed in the queue', async () => {
    const echo = echoIn(newService());
    let started = 0;
    @Controller()
    class EchoHandler {
      @Handle(echo)
      echo(@Payload() { n }: InputOf<typeof echo>) {
        started += 1;
        return { n };
      }
    }
    // Nobody serves yet: it waits until after its deadline. A later one shows that the queue is worked off.
    expect((await failureOf(messages.send(echo, { n: 1 }, { timeoutMs: 50 }))).code).toBe('deadline_exceeded');
    const late = messages.send(echo, { n: 2 });
    await serve([echo], [EchoHandler]);
    expect(await late).toEqual({ n: 2 });
    expect(started).toBe(1);
  });

  it('ends at its deadline for the caller and aborts the handler', async () => {
    const slow = echoIn(newService());
    let aborted: unknown;
    @Controller()
    class SlowHandler {
      @Handle(slow)
      async slow(@Payload() _: unknown, @Ctx() { signal }: MessageContext) {
        signal.addEventListener('abort', () => (aborted = signal.reason));
        await sleep(3_000, undefined, { signal });
      }
    }
    await serve([slow], [SlowHandler]);
    expect((await failureOf(messages.send(slow, { n: 1 }, { timeoutMs: 100 }))).code).toBe('deadline_exceeded');
    await eventually(
      () => isAppError(aborted),
      (is) => is,
    );
  });

  it('is refused as overloaded, with a time to retry after, when the queue is at its bound', async () => {
    const echo = echoIn(newService());
    const bounded = await startMessages({ queueMax: 3, timeoutMs: 300 });
    const failures = await Promise.all(Array.from({ length: 5 }, (_, n) => failureOf(bounded.send(echo, { n }))));
    await bounded.onApplicationShutdown();
    expect(failures.map(({ code }) => code).sort()).toEqual([
      ...Array<string>(3).fill('deadline_exceeded'),
      ...Array<string>(2).fill('overloaded'),
    ]);
    expect(failures.find(({ code }) => code === 'overloaded')?.retryAfterSeconds).toBeGreaterThan(0);
    expect(await redis.xlen(`tollgate:{${echo.service}}:requests`)).toBe(0);
  });

  it('runs once when Redis holds it twice', async () => {
    const echo = echoIn(newService());
    let started = 0;
    @Controller()
    class EchoHandler {
      @Handle(echo)
      async echo(@Payload() { n }: InputOf<typeof echo>) {
        started += 1;
        await sleep(20);
        return { n };
      }
    }
    const answer = messages.send(echo, { n: 1 });
    const key = `tollgate:{${echo.service}}:requests`;
    let copy: string[] | undefined;
    while (!copy) copy = (await redis.xrange(key, '-', '+'))[0]?.[1];
    await redis.xadd(key, '*', ...copy);
    await serve([echo], [EchoHandler]);
    await serve([echo], [EchoHandler]);
    expect(await answer).toEqual({ n: 1 });
    await sleep(100);
    expect(started).toBe(1);
    expect(await redis.xlen(key)).toBe(0);
  });

  it('is served although garbage, another version and an unknown contract lie before it', async () => {
    const echo = echoIn(newService());
    @Controller()
    class EchoHandler {
      @Handle(echo)
      echo(@Payload() { n }: InputOf<typeof echo>) {
        return { n };
      }
    }
    const key = `tollgate:{${echo.service}}:requests`;
    await redis.xadd(key, '*', 'm', '{not json');
    await redis.xadd(key, '*', 'other', 'field');
    await redis.xadd(key, '*', 'm', JSON.stringify({ v: 99, id: 'x', contract: echo.name }));
    const unknown = {
      v: 1,
      id: 'y',
      contract: `${echo.service}.other`,
      replyTo: 'nobody',
      deadlineAt: Date.now() + 1_000,
      requestId: 'r',
      traceparent: 't',
    };
    await redis.xadd(key, '*', 'm', JSON.stringify(unknown));
    await redis.publish(`tollgate:{${echo.service}}:control`, 'garbage');
    await serve([echo], [EchoHandler]);
    await redis.publish(`tollgate:{${echo.service}}:control`, 'garbage');
    expect(await messages.send(echo, { n: 1 })).toEqual({ n: 1 });
    await sleep(50);
    expect(await redis.xlen(key)).toBe(0);
  });
});

describe('a stream', () => {
  const countIn = (service: string) =>
    stream(`${service}.count`, { input: z.object({ to: z.number() }), part: z.number() });

  it('arrives complete and in order', async () => {
    const count = countIn(newService());
    @Controller()
    class CountHandler {
      @Handle(count)
      async *count(@Payload() { to }: InputOf<typeof count>) {
        for (let n = 0; n < to; n += 1) yield n;
      }
    }
    await serve([count], [CountHandler]);
    await serve([count], [CountHandler]);
    const read = async () => {
      const parts: number[] = [];
      for await (const part of messages.stream(count, { to: 2_000 })) parts.push(part);
      return parts;
    };
    const expected = Array.from({ length: 2_000 }, (_, n) => n);
    for (const parts of await Promise.all(Array.from({ length: 10 }, read))) expect(parts).toEqual(expected);
  });

  it('hands out the first part while the handler is still working', async () => {
    const count = countIn(newService());
    let release: () => void = () => undefined;
    @Controller()
    class CountHandler {
      @Handle(count)
      async *count() {
        yield 0;
        await new Promise<void>((resolve) => (release = resolve));
        yield 1;
      }
    }
    await serve([count], [CountHandler]);
    const parts = messages.stream(count, { to: 2 });
    expect(await parts.next()).toEqual({ done: false, value: 0 });
    release();
    expect(await parts.next()).toEqual({ done: false, value: 1 });
    expect((await parts.next()).done).toBe(true);
  });

  it('hands out what came before an error, then the error', async () => {
    const count = countIn(newService());
    @Controller()
    class CountHandler {
      @Handle(count)
      async *count() {
        yield 0;
        yield 1;
        throw new AppError('provider_error', 'It broke.');
      }
    }
    await serve([count], [CountHandler]);
    const received: number[] = [];
    const error = await failureOf(
      (async () => {
        for await (const part of messages.stream(count, { to: 2 })) received.push(part);
      })(),
    );
    expect(received).toEqual([0, 1]);
    expect(error.code).toBe('provider_error');
  });

  it('that is left early aborts the handler and runs its clean-up, through two hops', async () => {
    const inner = countIn(newService());
    const outer = countIn(newService());
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
          yield* messages.stream(inner, { to: 0 });
        } finally {
          cleanedUp.push('outer');
        }
      }
    }
    await serve([inner], [InnerHandler]);
    await serve([outer], [OuterHandler]);
    for await (const part of messages.stream(outer, { to: 0 })) if (part === 2) break;
    await eventually(
      () => cleanedUp.length === 2,
      (is) => is,
    );
    expect(cleanedUp.sort()).toEqual(['inner', 'outer']);
  });

  it('whose caller aborts while waiting for a part ends as cancelled', async () => {
    const count = countIn(newService());
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
    await serve([count], [SilentHandler]);
    const controller = new AbortController();
    const parts = messages.stream(count, { to: 1 }, { signal: controller.signal });
    await parts.next();
    setTimeout(() => controller.abort(), 20);
    expect((await failureOf(parts.next())).code).toBe('cancelled');
    await eventually(
      () => aborted,
      (is) => is,
    );
  });

  it('is aborted when the calling process is gone', async () => {
    const count = countIn(newService());
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
    await serve([count], [CountHandler]);
    const before = new Set(await redis.keys('tollgate:{replies:*'));
    const doomed = await startMessages();
    const [replies] = (await redis.keys('tollgate:{replies:*')).filter((key) => !before.has(key));
    const parts = doomed.stream(count, { to: 0 });
    await parts.next();
    await redis.del(replies ?? ''); // As it expires when its process was killed.
    await eventually(
      () => aborted,
      (is) => is,
      4_000,
    );
    await doomed.onApplicationShutdown();
  });

  it('ends with a clear error when a part is too large', async () => {
    const texts = stream(`${newService()}.texts`, { input: z.object({}), part: z.string() });
    @Controller()
    class TextHandler {
      @Handle(texts)
      async *texts() {
        yield 'x'.repeat(1024 * 1024);
        yield 'x'.repeat(3 * 1024 * 1024);
      }
    }
    await serve([texts], [TextHandler]);
    const parts = messages.stream(texts, {});
    expect((await parts.next()).value).toHaveLength(1024 * 1024);
    expect((await failureOf(parts.next())).code).toBe('payload_too_large');
  });
});

describe('a replica', () => {
  const workIn = (service: string) =>
    request(`${service}.work`, { input: z.object({ ms: z.number() }), output: z.string() });

  it('that stops finishes what it runs, takes nothing new and leaves the group', async () => {
    const work = workIn(newService());
    @Controller()
    class WorkHandler {
      @Handle(work)
      async work(@Payload() { ms }: InputOf<typeof work>) {
        await sleep(ms);
        return 'done';
      }
    }
    const first = await serve([work], [WorkHandler]);
    const answer = messages.send(work, { ms: 300 });
    await sleep(50);
    const closed = first.close();
    await sleep(50);
    const waiting = messages.send(work, { ms: 0 });
    await closed;
    expect(await answer).toBe('done');
    expect(await redis.xinfo('CONSUMERS', `tollgate:{${work.service}}:requests`, work.service)).toEqual([]);
    await serve([work], [WorkHandler]);
    expect(await waiting).toBe('done');
  });

  it('refuses to start without a handler for each contract', async () => {
    const service = newService();
    const work = workIn(service);
    const other = request(`${service}.other`, { input: z.unknown(), output: z.unknown() });
    @Controller()
    class WorkHandler {
      @Handle(work)
      work() {
        return 'done';
      }
    }
    await expect(serve([work, other], [WorkHandler])).rejects.toThrow(`${other.name} has no handler`);
  });

  it('refuses to start with two handlers for one contract', async () => {
    const work = workIn(newService());
    @Controller()
    class WorkHandler {
      @Handle(work)
      work() {
        return 'done';
      }
      @Handle(work)
      again() {
        return 'done';
      }
    }
    await expect(serve([work], [WorkHandler])).rejects.toThrow(`${work.name} has two handlers`);
  });
});
