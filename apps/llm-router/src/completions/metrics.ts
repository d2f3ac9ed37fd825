import { Counter, Histogram } from 'prom-client';

const secondsBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300];

export const metrics = {
  attempts: new Counter({
    name: 'tollgate_llm_attempts_total',
    help: 'Calls of a provider, by how they ended',
    labelNames: ['provider', 'model', 'outcome'],
  }),
  failures: new Counter({
    name: 'tollgate_llm_attempt_failures_total',
    help: 'Failed calls of a provider, by category',
    labelNames: ['provider', 'model', 'category'],
  }),
  tokens: new Counter({
    name: 'tollgate_llm_tokens_total',
    help: 'Tokens as they stand in the ledger',
    labelNames: ['provider', 'model', 'type'],
  }),
  duration: new Histogram({
    name: 'tollgate_llm_attempt_duration_seconds',
    help: 'From the call of a provider to the end of its answer',
    labelNames: ['provider', 'model', 'outcome'],
    buckets: secondsBuckets,
  }),
  firstToken: new Histogram({
    name: 'tollgate_llm_first_token_seconds',
    help: 'From the call of a provider to its first token',
    labelNames: ['provider', 'model'],
    buckets: secondsBuckets,
  }),
};
