import { Counter, Gauge, Histogram } from 'prom-client';

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
  running: new Gauge({
    name: 'tollgate_messages_running',
    help: 'Requests that this replica is running now',
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
