import type { Redis } from 'ioredis';
import { Counter, Gauge, Histogram } from 'prom-client';
import { keys } from './wire.js';

const durationBuckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

/** `outcome` is `ok` or an error code of docs/errors.md. */
export const metrics = {
  handled: new Counter({
    name: 'tollgate_messages_handled_total',
    help: 'Requests that this replica took from its queue, by how they ended',
    labelNames: ['contract', 'outcome'],
  }),
  handleDuration: new Histogram({
    name: 'tollgate_message_handle_duration_seconds',
    help: 'From the start of a handler to the end of its answer',
    labelNames: ['contract'],
    buckets: durationBuckets,
  }),
  redelivered: new Counter({
    name: 'tollgate_messages_redelivered_total',
    help: 'Requests of a dead replica that this one has run',
    labelNames: ['contract'],
  }),
  dropped: new Counter({
    name: 'tollgate_messages_dropped_total',
    help: 'Messages that were no request of this service',
    labelNames: ['service', 'reason'],
  }),
  sent: new Counter({
    name: 'tollgate_messages_sent_total',
    help: 'Requests that this process sent to other services, by how they ended',
    labelNames: ['contract', 'outcome'],
  }),
  sendDuration: new Histogram({
    name: 'tollgate_message_send_duration_seconds',
    help: 'From sending a request to the end of its answer, as its caller sees it',
    labelNames: ['contract'],
    buckets: durationBuckets,
  }),
};

interface ObservedService {
  redis: Redis;
  running: () => number;
}

const observed = new Map<string, ObservedService>();

new Gauge({
  name: 'tollgate_messages_running',
  help: 'Requests that this replica is running now',
  collect() {
    this.set([...observed.values()].reduce((sum, { running }) => sum + running(), 0));
  },
});

const queueDepth = new Gauge({
  name: 'tollgate_queue_depth',
  help: 'Requests of the service that wait for a replica; the same at every replica',
  labelNames: ['service'],
  async collect() {
    for (const [service, { redis }] of observed) {
      const { waiting, oldestSeconds } = await readQueue(redis, service);
      this.set({ service }, waiting);
      queueAge.set({ service }, oldestSeconds);
    }
  },
});

const queueAge = new Gauge({
  name: 'tollgate_queue_age_seconds',
  help: 'How long the first request of the queue has been waiting; the same at every replica',
  labelNames: ['service'],
});

/** Adds a service's queue, and what this replica runs of it, to the metrics; returns how to take it out again. */
export function observe(service: string, of: ObservedService): () => void {
  observed.set(service, of);
  return () => {
    observed.delete(service);
    queueDepth.remove({ service });
    queueAge.remove({ service });
  };
}

/** NaN while Redis cannot be asked: a queue that nobody can see is not empty. */
async function readQueue(redis: Redis, service: string): Promise<{ waiting: number; oldestSeconds: number }> {
  const key = keys.requests(service);
  try {
    const [length, pending, groups] = await Promise.all([
      redis.xlen(key),
      redis.xpending(key, service) as Promise<[number, ...unknown[]]>,
      redis.xinfo('GROUPS', key) as Promise<(string | number)[][]>,
    ]);
    const group = groups[0] ?? [];
    const lastDelivered = group[group.indexOf('last-delivered-id') + 1] ?? '0-0';
    const [oldest] = await redis.xrange(key, `(${lastDelivered}`, '+', 'COUNT', 1);
    const addedAt = Number(oldest?.[0].split('-')[0] ?? Date.now());
    return { waiting: Math.max(0, length - pending[0]), oldestSeconds: Math.max(0, Date.now() - addedAt) / 1000 };
  } catch {
    return { waiting: NaN, oldestSeconds: NaN };
  }
}
