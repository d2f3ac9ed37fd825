import { Database, InvoiceStatus, Prisma } from '@tollgate/database';
import { applyDuePlanChange, readBillableMonths } from '@tollgate/metering';
import { recordEvent } from '@tollgate/webhooks';
import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { linesOf, type Billed, type NewLine } from './invoice-lines.js';
import { dollars } from './money.js';

/** For settlements that come late: they still count in their month. */
const GRACE_MS = 24 * 3_600_000;
const DRAFT_AGAIN_MS = 3_600_000;
/** How far back a change of a month is looked for. */
const CHANGES_BILLED_MONTHS = 12;
const DUE_AT_ONCE = 100;

export type InvoicingStep = 'waiting' | 'drafted' | 'finalized';

interface Schedule {
  month_start: Date;
  month_end: Date;
  /** The first month of which changes are looked for. */
  changes_from: Date;
}

/**
 * Makes the invoices: a draft when an account's month has ended, final 24 hours after. A step is one transaction under the account's lock, which
 * every settlement takes too: what is settled before it is on the invoice, what comes after is on the next one. Any
 * number of processes may do it at once, and be killed doing it.
 */
@Injectable()
export class Invoicing {
  constructor(private readonly database: Database) {}

  /** Accounts for which something is to be done, the longest due first. @param after the last one of the call before */
  async due(now: Date, after?: { nextAt: Date; accountId: string }) {
    return this.database.invoiceSchedule.findMany({
      where: {
        nextAt: { lte: now },
        ...(after && {
          OR: [{ nextAt: { gt: after.nextAt } }, { nextAt: after.nextAt, accountId: { gt: after.accountId } }],
        }),
      },
      orderBy: [{ nextAt: 'asc' }, { accountId: 'asc' }],
      take: DUE_AT_ONCE,
      select: { accountId: true, nextAt: true },
    });
  }

  /** Does what is due for the account, one month at most; doing it again changes nothing. */
  async advance(accountId: string, now: Date): Promise<InvoicingStep> {
    return this.database.$transaction(async (transaction) => {
      await transaction.$executeRaw`SELECT FROM account WHERE id = ${accountId}::uuid FOR NO KEY UPDATE`;
      await applyDuePlanChange(transaction, accountId, now);
      const [schedule] = await transaction.$queryRaw<Schedule[]>`
        SELECT month_start, usage_month_end(anchor_day, month_start) AS month_end,
          greatest(first_month, usage_month_start(anchor_day, (month_start - ${CHANGES_BILLED_MONTHS} * interval '1 month')::date)) AS changes_from
        FROM invoice_schedule JOIN subscription USING (account_id)
        WHERE account_id = ${accountId}::uuid AND ends_at IS NULL AND next_at <= ${now}`;
      if (!schedule) return 'waiting';
      const finalizeAfter = new Date(schedule.month_end.getTime() + GRACE_MS);
      const isFinal = now >= finalizeAfter;
      await this.write(transaction, accountId, schedule, isFinal ? now : undefined);
      const nextDraft = new Date(Math.min(now.getTime() + DRAFT_AGAIN_MS, finalizeAfter.getTime()));
      await (isFinal
        ? transaction.$executeRaw`
            UPDATE invoice_schedule SET month_start = ${schedule.month_end}::date,
              next_at = usage_month_end(subscription.anchor_day, ${schedule.month_end}::date)::timestamp AT TIME ZONE 'UTC'
            FROM subscription WHERE invoice_schedule.account_id = ${accountId}::uuid
              AND subscription.account_id = invoice_schedule.account_id AND subscription.ends_at IS NULL`
        : transaction.invoiceSchedule.update({ where: { accountId }, data: { nextAt: nextDraft } }));
      return isFinal ? 'finalized' : 'drafted';
    });
  }

  /** Of all accounts. */
  async countByStatus(): Promise<Record<InvoiceStatus, number>> {
    const groups = await this.database.invoice.groupBy({ by: ['status'], _count: true });
    const counts = new Map(groups.map(({ status, _count: count }) => [status, count]));
    return { draft: counts.get('draft') ?? 0, final: counts.get('final') ?? 0 };
  }

  /** Writes the draft anew; an invoice without lines does not exist. */
  private async write(
    transaction: Prisma.TransactionClient,
    accountId: string,
    { month_start: monthStart, month_end: monthEnd, changes_from: changesFrom }: Schedule,
    finalizedAt: Date | undefined,
  ): Promise<void> {
    await transaction.invoice.deleteMany({ where: { accountId, monthStart, status: 'draft' } });
    const lines = await this.lines(transaction, accountId, changesFrom, monthEnd, finalizedAt);
    if (lines.length === 0) return;
    const totalMicroUsd = lines.reduce((total, { amountMicroUsd }) => total + amountMicroUsd, 0n);
    const { id } = await transaction.invoice.create({
      data: {
        id: uuidv7(),
        accountId,
        monthStart,
        monthEnd,
        billTo: await billTo(transaction, accountId),
        totalMicroUsd,
        finalizeAfter: new Date(monthEnd.getTime() + GRACE_MS),
        lines: { create: lines.map((line, position) => ({ ...line, position })) },
      },
    });
    if (!finalizedAt) return;
    const number = await nextNumber(transaction, finalizedAt.getUTCFullYear());
    await transaction.invoice.update({ where: { id }, data: { status: 'final', number, finalizedAt } });
    await recordEvent(transaction, accountId, 'invoice.finalized', {
      account_id: accountId,
      invoice_id: id,
      number,
      total_micro_usd: String(totalMicroUsd),
      total: dollars(totalMicroUsd),
    });
  }

  private async lines(
    transaction: Prisma.TransactionClient,
    accountId: string,
    changesFrom: Date,
    monthEnd: Date,
    finalizedAt: Date | undefined,
  ): Promise<NewLine[]> {
    const billed = await transaction.$queryRaw<Billed[]>`
      SELECT line.month_start AS "monthStart", component::text, coalesce(sum(tokens), 0)::bigint AS tokens,
        sum(amount_micro_usd)::bigint AS "amountMicroUsd"
      FROM invoice_line AS line JOIN invoice ON invoice.id = invoice_id
      WHERE account_id = ${accountId}::uuid AND status = 'final' GROUP BY 1, 2`;
    const months = await readBillableMonths(transaction, accountId, changesFrom, monthEnd);
    const month = months.pop();
    if (!month) throw new Error(`there is no month before ${monthEnd.toISOString()}`);
    const adjustments = await transaction.accountAdjustment.findMany({
      where: { accountId, createdAt: { lte: finalizedAt }, line: { is: null } },
      orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
    });
    // All that was carried over, less all that was brought: what the last invoice left.
    const creditMicroUsd = billed
      .filter(({ component }) => component === 'credit_carried' || component === 'credit_brought')
      .reduce((credit, { amountMicroUsd }) => credit + amountMicroUsd, 0n);
    return linesOf({ month, earlier: months, billed, adjustments, creditMicroUsd });
  }
}

async function billTo(transaction: Prisma.TransactionClient, accountId: string): Promise<string> {
  const account = await transaction.account.findUniqueOrThrow({
    where: { id: accountId },
    include: { users: { where: { role: { not: 'user' } }, orderBy: { id: 'asc' }, take: 1 } },
  });
  return account.name ?? account.users[0]?.email ?? accountId;
}

/** Without gaps: a transaction that fails gives its number back, and so the others wait for it. */
async function nextNumber(transaction: Prisma.TransactionClient, year: number): Promise<string> {
  const { last } = await transaction.invoiceNumber.upsert({
    where: { year },
    create: { year, last: 1 },
    update: { last: { increment: 1 } },
  });
  return `TG-${year}-${String(last).padStart(6, '0')}`;
}
