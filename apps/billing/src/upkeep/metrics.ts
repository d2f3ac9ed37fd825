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
  invoices: new Gauge({
    name: 'tollgate_invoices',
    help: 'Invoices of all accounts, by their status',
    labelNames: ['status'],
  }),
  invoicesFailed: new Counter({
    name: 'tollgate_invoices_failed_total',
    help: 'Invoices that could not be made when they were due; each is tried again',
  }),
  providerDrift: new Gauge({
    name: 'tollgate_reconciliation_drift_tokens',
    help: "Tokens by which a provider's latest usage export differs from the ledger, each model and day without its sign",
    labelNames: ['provider'],
  }),
  webhookAttempts: new Counter({
    name: 'tollgate_webhook_attempts_total',
    help: 'Attempts to deliver a webhook: delivered, to be tried again, or given up',
    labelNames: ['outcome'],
  }),
  jobs: new Counter({
    name: 'tollgate_upkeep_jobs_total',
    help: 'Jobs of this process, by how they ended',
    labelNames: ['job', 'outcome'],
  }),
};
