import type { InvoiceComponent } from '@tollgate/database';
import type { BillableMonth } from '@tollgate/metering';
import { MICRO_USD_PER_CENT, roundedDivision } from './money.js';
import { rateMonth, type RatedComponent } from './rate-month.js';

export interface NewLine {
  component: InvoiceComponent;
  monthStart: Date;
  description: string;
  startsAt: Date | null;
  endsAt: Date | null;
  planCode: string | null;
  planVersion: number | null;
  tokens: bigint | null;
  unitPrice: bigint | null;
  amountMicroUsd: bigint;
  adjustmentId: string | null;
}

/** What final invoices have billed of one component of a month, in whatever many lines. */
export interface Billed {
  monthStart: Date;
  component: InvoiceComponent;
  tokens: bigint;
  amountMicroUsd: bigint;
}

export interface InvoiceBasis {
  month: BillableMonth;
  /** Months before, whose invoices are final. */
  earlier: readonly BillableMonth[];
  billed: readonly Billed[];
  /** That stand on no final invoice. */
  adjustments: readonly { id: string; amountMicroUsd: bigint; reason: string; createdAt: Date }[];
  /** What the invoice before could not use up; not negative. */
  creditMicroUsd: bigint;
}

const nothing = {
  startsAt: null,
  endsAt: null,
  planCode: null,
  planVersion: null,
  tokens: null,
  unitPrice: null,
  adjustmentId: null,
};
const ratedComponents: readonly RatedComponent[] = ['fee', 'overage', 'refund'];
const names = { fee: 'Fee', overage: 'Tokens beyond the plan', refund: 'Refunds of requests' };

/**
 * The lines of an invoice, whose sum is what is due: whole cents, never below 0. A credit that is larger than everything else is
 * carried over to the next invoice. Empty when there is nothing to say.
 */
export function linesOf(basis: InvoiceBasis): NewLine[] {
  const { month, earlier, billed, adjustments, creditMicroUsd } = basis;
  const { monthStart } = month;
  const lines: NewLine[] = [
    ...rateMonth(month).map((item) => ({ ...item, monthStart, adjustmentId: null })),
    ...earlier.flatMap((before) => lateChanges(before, billed)),
    ...adjustments.map(({ id, amountMicroUsd, reason, createdAt }) => ({
      ...nothing,
      component: 'adjustment' as const,
      monthStart,
      description: reason,
      startsAt: createdAt,
      amountMicroUsd,
      adjustmentId: id,
    })),
  ];
  if (creditMicroUsd > 0n) {
    const description = 'Credit from the last invoice';
    lines.push({ ...nothing, component: 'credit_brought', monthStart, description, amountMicroUsd: -creditMicroUsd });
  }
  const sum = lines.reduce((total, { amountMicroUsd }) => total + amountMicroUsd, 0n);
  if (sum < 0n) {
    const description = 'Credit carried over to the next invoice';
    lines.push({ ...nothing, component: 'credit_carried', monthStart, description, amountMicroUsd: -sum });
  }
  const rounding = sum < 0n ? 0n : roundedDivision(sum, MICRO_USD_PER_CENT) * MICRO_USD_PER_CENT - sum;
  if (rounding !== 0n) {
    const description = 'Rounding to whole cents';
    lines.push({ ...nothing, component: 'rounding', monthStart, description, amountMicroUsd: rounding });
  }
  return lines;
}

/** What a month costs now, less what has been billed for it. */
function lateChanges(month: BillableMonth, billed: readonly Billed[]): NewLine[] {
  const rated = rateMonth(month);
  return ratedComponents.flatMap((component): NewLine[] => {
    const now = sumOf(rated.filter((item) => item.component === component));
    const before = sumOf(
      billed.filter((line) => line.component === component && line.monthStart.getTime() === month.monthStart.getTime()),
    );
    const amountMicroUsd = now.amountMicroUsd - before.amountMicroUsd;
    if (amountMicroUsd === 0n) return [];
    return [
      {
        ...nothing,
        component,
        monthStart: month.monthStart,
        description: `${names[component]}: later change of an earlier month`,
        startsAt: month.monthStart,
        endsAt: month.monthEnd,
        tokens: component === 'overage' ? now.tokens - before.tokens : null,
        amountMicroUsd,
      },
    ];
  });
}

function sumOf(items: readonly { tokens: bigint | null; amountMicroUsd: bigint }[]) {
  return {
    tokens: items.reduce((sum, { tokens }) => sum + (tokens ?? 0n), 0n),
    amountMicroUsd: items.reduce((sum, { amountMicroUsd }) => sum + amountMicroUsd, 0n),
  };
}
