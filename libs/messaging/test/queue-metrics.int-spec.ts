import { setTimeout as sleep } from 'node:timers/promises';
import { request, type InputOf } from '@tollgate/contracts';
import { Controller, type INestMicroservice } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { eventually } from '@tollgate/testing';
import { register } from 'prom-client';
import { z } from 'zod';
import { Handle, type Messages } from '../src/index.js';
import { startMessages, startReplica } from './service-under-test.js';

const work = request(`metrics-${process.pid}.work`, { input: z.object({ ms: z.number() }), output: z.string() });

@Controller()
class WorkHandler {
  @Handle(work)
  async work(@Payload() { ms }: InputOf<typeof work>) {
    await sleep(ms);
    return 'done';
  }
}

/** As Prometheus would read it; undefined when there is none. */
async function valueOf(name: string): Promise<number | undefined> {
  const metric = await register.getSingleMetric(name)?.get();
  return metric?.values.find(({ labels }) => labels['service'] === work.service)?.value;
}

/** One after the other, like a scrape. */
async function queue() {
  return { depth: await valueOf('tollgate_queue_depth'), ageSeconds: await valueOf('tollgate_queue_age_seconds') };
}

describe('the metrics of a queue', () => {
  let messages: Messages;
  let replica: INestMicroservice;

  beforeAll(async () => {
    messages = await startMessages();
    replica = await startReplica({ contracts: [work], handlers: [WorkHandler], slots: 2 });
  });
  afterAll(() => messages.onApplicationShutdown());

  it('are zero while nothing waits', async () => {
    expect(await queue()).toEqual({ depth: 0, ageSeconds: 0 });
  });

  it('count what waits and not what runs, and the age of what has waited longest', async () => {
    const answers = Array.from({ length: 5 }, () => messages.send(work, { ms: 700 }));
    await sleep(400);
    const { depth, ageSeconds } = await queue();
    expect(depth).toBe(3);
    expect(ageSeconds).toBeGreaterThan(0.3);
    expect(ageSeconds).toBeLessThan(5);
    await Promise.all(answers);
    expect(await eventually(queue, (now) => now.depth === 0)).toEqual({ depth: 0, ageSeconds: 0 });
  });

  it('are gone with the replica', async () => {
    await replica.close();
    expect(await queue()).toEqual({ depth: undefined, ageSeconds: undefined });
  });
});
