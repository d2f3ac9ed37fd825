import { AppError, type Invoice, type InvoiceList } from '@tollgate/contracts';
import { Database, type InvoiceStatus } from '@tollgate/database';
import { Injectable } from '@nestjs/common';
import { describedInvoice } from './invoice-shape.js';

export interface InvoiceQuery {
  /** Absent for all accounts. */
  accountId?: string | undefined;
  status?: InvoiceStatus | undefined;
  limit: number;
  /** The last id of the page before. */
  after?: string | undefined;
}

const lines = { orderBy: { position: 'asc' } } as const;

/** Invoices as they stand; {@link Invoicing} makes them. */
@Injectable()
export class Invoices {
  constructor(private readonly database: Database) {}

  /** The newest first. */
  async list({ accountId, status, limit, after }: InvoiceQuery): Promise<InvoiceList> {
    const rows = await this.database.invoice.findMany({
      where: { accountId, status, id: after === undefined ? undefined : { lt: after } },
      orderBy: { id: 'desc' },
      take: limit + 1,
      include: { lines },
    });
    const data = rows.slice(0, limit).map(describedInvoice);
    return { object: 'list', data, has_more: rows.length > limit, last_id: data.at(-1)?.id ?? null };
  }

  /** @param accountId whose it must be; absent for any. Raises `not_found`. */
  async get(id: string, accountId?: string): Promise<Invoice> {
    const row = await this.database.invoice.findFirst({ where: { id, accountId }, include: { lines } });
    if (!row) throw new AppError('not_found', 'There is no such invoice.');
    return describedInvoice(row);
  }
}
