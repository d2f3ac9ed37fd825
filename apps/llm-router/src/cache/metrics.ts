import { Counter } from 'prom-client';

export const metrics = {
  answers: new Counter({
    name: 'tollgate_llm_cache_answers_total',
    help: 'Answers to requests that may use the cache: hit, shared (a provider call of another request), miss',
    labelNames: ['outcome'],
  }),
  failures: new Counter({
    name: 'tollgate_llm_cache_failures_total',
    help: 'Requests that went to a model directly, or answers that were not kept, because the cache was away',
    labelNames: ['operation'],
  }),
};
