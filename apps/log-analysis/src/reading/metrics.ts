import { Histogram } from 'prom-client';

export const metrics = {
  readingDuration: new Histogram({
    name: 'tollgate_log_reading_duration_seconds',
    help: 'Time of a thread with a log, a part of one, or partial results.',
    labelNames: ['kind'] as const,
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  }),
};
