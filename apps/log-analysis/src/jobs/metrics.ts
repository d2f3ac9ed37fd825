import { Counter } from 'prom-client';

export const metrics = {
  jobs: new Counter({
    name: 'tollgate_log_jobs_total',
    help: 'Jobs that read logs, by how they ended.',
    labelNames: ['status'] as const,
  }),
  parts: new Counter({
    name: 'tollgate_log_job_parts_total',
    help: 'Parts of logs that this replica has read for jobs.',
  }),
};
