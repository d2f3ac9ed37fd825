import { Counter, Gauge } from 'prom-client';

export const metrics = {
  lapsedHolds: new Counter({
    name: 'tollgate_lapsed_holds_total',
    help: 'Holds that a dead or frozen process left behind, by how they were ended',
    labelNames: ['end'],
  }),
  drift: new Gauge({
    name: 'tollgate_ledger_drift',
    help: 'How far counters were from the rows that they count, when it was last checked; 0 is right',
    labelNames: ['counter'],
  }),
  jobs: new Counter({
    name: 'tollgate_upkeep_jobs_total',
    help: 'Jobs of this process, by how they ended',
    labelNames: ['job', 'outcome'],
  }),
};
