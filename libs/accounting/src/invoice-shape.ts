import type { Adjustment, Invoice, InvoiceLine } from '@tollgate/contracts';
import type { AccountAdjustment, Invoice as InvoiceRow, InvoiceLine as LineRow } from '@tollgate/database';
import { dollars } from './money.js';

/** The shape of the API, of rows of the database. */
export function describedInvoice(row: InvoiceRow & { lines: LineRow[] }): Invoice {
  return {
    id: row.id,
    object: 'invoice',
    account_id: row.accountId,
    number: row.number,
    status: row.status,
    currency: 'USD',
    bill_to: row.billTo,
    month_start: dateOf(row.monthStart),
    month_end: dateOf(row.monthEnd),
    finalize_after: row.finalizeAfter.toISOString(),
    finalized_at: row.finalizedAt?.toISOString() ?? null,
    created_at: row.createdAt.toISOString(),
    total_micro_usd: String(row.totalMicroUsd),
    total: dollars(row.totalMicroUsd),
    lines: row.lines.map((line) => describedLine(line, row)),
  };
}

export function describedAdjustment(row: AccountAdjustment & { line: LineRow | null }): Adjustment {
  return {
    id: row.id,
    object: 'adjustment',
    account_id: row.accountId,
    amount_micro_usd: String(row.amountMicroUsd),
    amount: dollars(row.amountMicroUsd),
    reason: row.reason,
    created_at: row.createdAt.toISOString(),
    invoice_id: row.line?.invoiceId ?? null,
  };
}

function describedLine(line: LineRow, invoice: InvoiceRow): InvoiceLine {
  return {
    component: line.component,
    is_late_change: line.monthStart < invoice.monthStart,
    month_start: dateOf(line.monthStart),
    description: line.description,
    starts_at: line.startsAt?.toISOString() ?? null,
    ends_at: line.endsAt?.toISOString() ?? null,
    plan: line.planCode,
    plan_version: line.planVersion,
    tokens: line.tokens === null ? null : Number(line.tokens),
    unit_price_micro_usd_per_million: line.unitPrice === null ? null : String(line.unitPrice),
    adjustment_id: line.adjustmentId,
    amount_micro_usd: String(line.amountMicroUsd),
    amount: dollars(line.amountMicroUsd),
  };
}

function dateOf(date: Date): string {
  return date.toISOString().slice(0, 10);
}
