import { Counter, Gauge } from 'prom-client';

export const metrics = {
  prompts: new Counter({
    name: 'tollgate_batch_prompts_total',
    help: 'Prompts of batches that got their result, by what became of them',
    labelNames: ['status'],
  }),
  running: new Gauge({ name: 'tollgate_batches_running', help: 'Batches that this replica runs' }),
};
