import { Counter, Gauge } from 'prom-client';

/** `limit` is `minute`, `day`, `at_once`, `any` or `sign_in`; never who was refused. */
export const limitRefusals = new Counter({
  name: 'tollgate_limit_refusals_total',
  help: 'Requests refused with 429, by the limit that they met.',
  labelNames: ['limit'] as const,
});

export const limitsUnavailable = new Counter({
  name: 'tollgate_limits_unavailable_total',
  help: 'Questions about limits that Redis left unanswered.',
});

export const callsRunning = new Gauge({
  name: 'tollgate_calls_running',
  help: 'Calls of this gateway that hold one of their plan\'s "at once".',
});
