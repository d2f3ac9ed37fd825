import { Counter, Gauge } from 'prom-client';
import type { BreakerState } from './circuit-breaker.js';

export const metrics = {
  up: new Gauge({
    name: 'tollgate_llm_provider_up',
    help: '1 while the provider answers its probes',
    labelNames: ['provider'],
  }),
  breaker: new Gauge({
    name: 'tollgate_llm_breaker_state',
    help: '0 closed, 1 half-open, 2 open',
    labelNames: ['provider', 'model'],
  }),
  running: new Gauge({
    name: 'tollgate_llm_provider_running',
    help: 'Calls of the provider under way',
    labelNames: ['provider'],
  }),
  waiting: new Gauge({
    name: 'tollgate_llm_provider_waiting',
    help: 'Requests that wait for their turn at the provider',
    labelNames: ['provider'],
  }),
  reloads: new Counter({
    name: 'tollgate_llm_models_file_reloads_total',
    help: 'Changes of models.yaml that were taken over or refused',
    labelNames: ['result'],
  }),
};

export const breakerStateNumbers: Record<BreakerState, number> = { closed: 0, half_open: 1, open: 2 };
