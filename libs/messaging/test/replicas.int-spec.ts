import { setTimeout as sleep } from 'node:timers/promises';
import { request, type InputOf } from '@tollgate/contracts';
import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { z } from 'zod';
import { Handle } from '../src/index.js';
import { ServicesUnderTest } from './service-under-test.js';

const services = new ServicesUnderTest();

beforeAll(() => services.open());
afterEach(() => services.stopReplicas());
afterAll(() => services.close());

describe('a replica', () => {
  const workIn = (service: string) =>
    request(`${service}.work`, { input: z.object({ ms: z.number() }), output: z.string() });

  it('that stops finishes what it runs, takes nothing new and leaves the group', async () => {
    const work = workIn(services.newName());
    @Controller()
    class WorkHandler {
      @Handle(work)
      async work(@Payload() { ms }: InputOf<typeof work>) {
        await sleep(ms);
        return 'done';
      }
    }
    const first = await services.serve([work], [WorkHandler]);
    const answer = services.messages.send(work, { ms: 300 });
    await sleep(50);
    const closed = first.close();
    await sleep(50);
    const waiting = services.messages.send(work, { ms: 0 });
    await closed;
    expect(await answer).toBe('done');
    expect(await services.redis.xinfo('CONSUMERS', `tollgate:{${work.service}}:requests`, work.service)).toEqual([]);
    await services.serve([work], [WorkHandler]);
    expect(await waiting).toBe('done');
  });

  it('refuses to start without a handler for each contract', async () => {
    const service = services.newName();
    const work = workIn(service);
    const other = request(`${service}.other`, { input: z.unknown(), output: z.unknown() });
    @Controller()
    class WorkHandler {
      @Handle(work)
      work() {
        return 'done';
      }
    }
    await expect(services.serve([work, other], [WorkHandler])).rejects.toThrow(`${other.name} has no handler`);
  });

  it('refuses to start with two handlers for one contract', async () => {
    const work = workIn(services.newName());
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
    await expect(services.serve([work], [WorkHandler])).rejects.toThrow(`${work.name} has two handlers`);
  });
});
