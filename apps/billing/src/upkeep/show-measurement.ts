import { z } from 'zod';
import { metrics } from './metrics.js';

const counts = z.record(z.string(), z.number());

const Measurement = z.discriminatedUnion('job', [
  z.object({ job: z.literal('measure-drift') }).catchall(z.number()),
  z.object({ job: z.literal('make-invoices'), invoices: counts }),
  z.object({ job: z.literal('measure-reconciliations'), drift: counts }),
]);

/** Whoever measured it, every replica shows it: a stale figure of another night would outlive a repaired ledger. */
export function showMeasurement(returnvalue: unknown): void {
  const parsed = Measurement.safeParse(parse(returnvalue));
  if (!parsed.success) return; // Another job.
  const measured = parsed.data;
  switch (measured.job) {
    case 'measure-drift': {
      const { job: _, ...report } = measured;
      for (const [counter, difference] of Object.entries(report)) metrics.drift.set({ counter }, difference);
      break;
    }
    case 'make-invoices':
      for (const [status, count] of Object.entries(measured.invoices)) metrics.invoices.set({ status }, count);
      break;
    case 'measure-reconciliations':
      for (const [provider, tokens] of Object.entries(measured.drift)) metrics.providerDrift.set({ provider }, tokens);
      break;
    default:
      measured satisfies never;
  }
}

/** BullMQ hands on what a job returned as JSON, or parsed already. */
function parse(returnvalue: unknown): unknown {
  return typeof returnvalue === 'string' ? JSON.parse(returnvalue) : returnvalue;
}
