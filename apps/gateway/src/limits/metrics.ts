import { Counter } from 'prom-client';

/** `limit` is `minute`, `day`, `at_once`, `any` or `sign_in`; never who was refused. */
export const limitRefusals = new Counter({
  name: 'tollgate_limit_refusals_total',
  help: 'Requests refused with 429, by the limit that they met.',
  labelNames: ['limit'] as const,
});
