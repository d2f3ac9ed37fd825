import { Counter } from 'prom-client';

export const metrics = {
  analyses: new Counter({
    name: 'tollgate_log_analyses_total',
    help: 'Analyses of logs, by task and by who wrote the narrative.',
    labelNames: ['task', 'narrative'] as const,
  }),
  citations: new Counter({
    name: 'tollgate_log_citations_total',
    help: 'Line numbers that models cited: valid ones, and those removed because the evidence does not have them.',
    labelNames: ['outcome'] as const,
  }),
  numbers: new Counter({
    name: 'tollgate_log_numbers_total',
    help: 'Numbers in statements of models that the evidence has.',
  }),
  sentencesRemoved: new Counter({
    name: 'tollgate_log_sentences_removed_total',
    help: 'Sentences of models with a number that the evidence does not have.',
  }),
  claimsRemoved: new Counter({
    name: 'tollgate_log_claims_removed_total',
    help: 'Statements of models that had no valid citation or no sentence left.',
  }),
};
