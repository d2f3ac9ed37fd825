import { Counter } from 'prom-client';

/** `outcome` is `first`, `repeated`, `in_progress` or `reused`. */
export const keyedRequests = new Counter({
  name: 'tollgate_keyed_requests_total',
  help: 'Requests with an Idempotency-Key, by what became of them.',
  labelNames: ['outcome'] as const,
});
