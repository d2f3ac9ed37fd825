import { setTimeout as sleep } from 'node:timers/promises';
import { isAppError, request, type InputOf } from '@tollgate/contracts';
import { currentRequest, runInRequest, traceIdOf } from '@tollgate/observability';
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

describe('a request', () => {
  const echoIn = (service: string) =>
    request(`${service}.echo`, { input: z.object({ n: z.number() }), output: z.object({ n: z.number() }) });

  it('is handled by exactly one of two replicas, and both take part', async () => {
    const echo = echoIn(services.newName());
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
    await services.serve([echo], [replica('a')], { slots: 8 });
    await services.serve([echo], [replica('b')], { slots: 8 });

    const numbers = Array.from({ length: 1_000 }, (_, n) => n);
    const answers = await Promise.all(numbers.map((n) => services.messages.send(echo, { n })));

    expect(answers.map(({ n }) => n)).toEqual(numbers);
    expect([...(handled['a'] ?? []), ...(handled['b'] ?? [])].sort((x, y) => x - y)).toEqual(numbers);
    expect(handled['a']?.length).toBeGreaterThan(0);
    expect(handled['b']?.length).toBeGreaterThan(0);
  });

  it('leaves nothing behind in Redis but its fence, which expires', async () => {
    const echo = echoIn(services.newName());
    @Controller()
    class EchoHandler {
      @Handle(echo)
      echo(@Payload() { n }: InputOf<typeof echo>) {
        return { n };
      }
    }
    await services.serve([echo], [EchoHandler]);
    await services.messages.send(echo, { n: 1 }, { timeoutMs: 1_000 });
    await sleep(50);

    expect(await services.redis.xlen(`tollgate:{${echo.service}}:requests`)).toBe(0);
    const left = await services.redis.keys(`tollgate:{${echo.service}}:started:*`);
    for (const key of left) expect(await services.redis.pttl(key)).toBeGreaterThan(0);
  });

  it('carries caller, request id, trace and deadline, through a nested request too', async () => {
    const inner = request(`${services.newName()}.inner`, { input: z.object({}), output: z.unknown() });
    const outer = request(`${services.newName()}.outer`, { input: z.object({}), output: z.unknown() });
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
        return services.messages.send(inner, {}, { timeoutMs: 60_000 });
      }
    }
    await services.serve([inner], [InnerHandler]);
    await services.serve([outer], [OuterHandler]);
    const id = '0199a0f0-0000-7000-8000-000000000000';
    const caller = { account_id: id, user_id: id, tier: 'pro', role: 'user' } as const;
    const deadlineAt = Date.now() + 5_000;
    const trace = 'a'.repeat(32);

    const seen = await runInRequest(
      { requestId: 'r1', traceparent: `00-${trace}-${'b'.repeat(16)}-01`, caller, deadlineAt },
      () => services.messages.send(outer, {}),
    );
    expect(seen).toEqual({ requestId: 'r1', caller, deadlineAt, trace });
  });

  it('is never started when its deadline passed in the queue', async () => {
    const echo = echoIn(services.newName());
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
    expect((await failureOf(services.messages.send(echo, { n: 1 }, { timeoutMs: 50 }))).code).toBe('deadline_exceeded');
    const late = services.messages.send(echo, { n: 2 });
    await services.serve([echo], [EchoHandler]);
    expect(await late).toEqual({ n: 2 });
    expect(started).toBe(1);
  });

  it('ends at its deadline for the caller and aborts the handler', async () => {
    const slow = echoIn(services.newName());
    let aborted: unknown;
    @Controller()
    class SlowHandler {
      @Handle(slow)
      async slow(@Payload() _: unknown, @Ctx() { signal }: MessageContext) {
        signal.addEventListener('abort', () => (aborted = signal.reason));
        await sleep(3_000, undefined, { signal });
      }
    }
    await services.serve([slow], [SlowHandler]);
    expect((await failureOf(services.messages.send(slow, { n: 1 }, { timeoutMs: 100 }))).code).toBe(
      'deadline_exceeded',
    );
    await eventually(
      () => isAppError(aborted),
      (is) => is,
    );
  });

  it('is refused as overloaded, with a time to retry after, when the queue is at its bound', async () => {
    const echo = echoIn(services.newName());
    const bounded = await startMessages({ queueMax: 3, timeoutMs: 300 });
    const failures = await Promise.all(Array.from({ length: 5 }, (_, n) => failureOf(bounded.send(echo, { n }))));
    await bounded.onApplicationShutdown();
    expect(failures.map(({ code }) => code).sort()).toEqual([
      ...Array<string>(3).fill('deadline_exceeded'),
      ...Array<string>(2).fill('overloaded'),
    ]);
    expect(failures.find(({ code }) => code === 'overloaded')?.retryAfterSeconds).toBeGreaterThan(0);
    expect(await services.redis.xlen(`tollgate:{${echo.service}}:requests`)).toBe(0);
  });

  it('runs once when Redis holds it twice', async () => {
    const echo = echoIn(services.newName());
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
    const answer = services.messages.send(echo, { n: 1 });
    const key = `tollgate:{${echo.service}}:requests`;
    let copy: string[] | undefined;
    while (!copy) copy = (await services.redis.xrange(key, '-', '+'))[0]?.[1];
    await services.redis.xadd(key, '*', ...copy);
    await services.serve([echo], [EchoHandler]);
    await services.serve([echo], [EchoHandler]);
    expect(await answer).toEqual({ n: 1 });
    await sleep(100);
    expect(started).toBe(1);
    expect(await services.redis.xlen(key)).toBe(0);
  });

  it('is served although garbage, another version and an unknown contract lie before it', async () => {
    const echo = echoIn(services.newName());
    @Controller()
    class EchoHandler {
      @Handle(echo)
      echo(@Payload() { n }: InputOf<typeof echo>) {
        return { n };
      }
    }
    const key = `tollgate:{${echo.service}}:requests`;
    await services.redis.xadd(key, '*', 'm', '{not json');
    await services.redis.xadd(key, '*', 'other', 'field');
    await services.redis.xadd(key, '*', 'm', JSON.stringify({ v: 99, id: 'x', contract: echo.name }));
    const unknown = {
      v: 1,
      id: 'y',
      contract: `${echo.service}.other`,
      replyTo: 'nobody',
      deadlineAt: Date.now() + 1_000,
      requestId: 'r',
      traceparent: 't',
    };
    await services.redis.xadd(key, '*', 'm', JSON.stringify(unknown));
    await services.redis.publish(`tollgate:{${echo.service}}:control`, 'garbage');
    await services.serve([echo], [EchoHandler]);
    await services.redis.publish(`tollgate:{${echo.service}}:control`, 'garbage');
    expect(await services.messages.send(echo, { n: 1 })).toEqual({ n: 1 });
    await sleep(50);
    expect(await services.redis.xlen(key)).toBe(0);
  });
});
