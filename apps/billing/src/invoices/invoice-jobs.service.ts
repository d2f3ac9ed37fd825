import { Invoicing, Reconciliations } from '@tollgate/accounting';
import { Subscriptions } from '@tollgate/metering';
import { Logger } from '@tollgate/observability';
import { Inject, Injectable } from '@nestjs/common';
import { metrics } from '../upkeep/metrics.js';
import type { JobTable } from '../upkeep/upkeep-jobs.service.js';

export const INVOICE_OPTIONS = Symbol('invoice options');

export interface InvoiceOptions {
  /** How often ended months and planned changes of plans are looked for. */
  everyMs: number;
}

const HOUR_MS = 3_600_000;

/** Invoices and the changes of plans that wait for the end of a month. */
@Injectable()
export class InvoiceJobs {
  readonly table: JobTable;

  constructor(
    @Inject(INVOICE_OPTIONS) { everyMs }: InvoiceOptions,
    private readonly invoicing: Invoicing,
    private readonly subscriptions: Subscriptions,
    private readonly reconciliations: Reconciliations,
    private readonly logger: Logger,
  ) {
    this.table = {
      'change-plans': { schedule: { every: everyMs }, run: () => this.changePlans() },
      'make-invoices': { schedule: { every: everyMs }, run: () => this.makeInvoices() },
      'measure-reconciliations': { schedule: { every: HOUR_MS }, run: () => this.measureReconciliations() },
    };
  }

  private async changePlans() {
    return { applied: await this.subscriptions.applyDue(new Date()) };
  }

  /** Every account that is due, one after the other; one that fails is tried again by the next run and holds up nobody. */
  private async makeInvoices() {
    const now = new Date();
    const steps = { waiting: 0, drafted: 0, finalized: 0, failed: 0 };
    let after: { nextAt: Date; accountId: string } | undefined;
    for (;;) {
      const due = await this.invoicing.due(now, after);
      for (const { accountId } of due) steps[await this.advance(accountId, now)] += 1;
      after = due.at(-1);
      if (!after) break;
    }
    if (steps.drafted + steps.finalized > 0) this.logger.log('invoices were made', steps);
    return { ...steps, invoices: await this.invoicing.countByStatus() };
  }

  private async measureReconciliations() {
    return { drift: Object.fromEntries(await this.reconciliations.latestDrift()) };
  }

  private async advance(accountId: string, now: Date) {
    try {
      return await this.invoicing.advance(accountId, now);
    } catch (error) {
      metrics.invoicesFailed.inc();
      this.logger.error('the invoice of an account could not be made', { account_id: accountId, err: error });
      return 'failed';
    }
  }
}
