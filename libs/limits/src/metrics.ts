import { Counter, Gauge } from 'prom-client';

export const limitsUnavailable = new Counter({
  name: 'tollgate_limits_unavailable_total',
  help: 'Questions about limits that Redis left unanswered.',
});

export const callsRunning = new Gauge({
  name: 'tollgate_calls_running',
  help: 'Calls of this process that hold one of their plan\'s "at once".',
});
