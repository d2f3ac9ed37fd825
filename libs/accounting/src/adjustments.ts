import { AppError, type Adjustment, type AdjustmentList, type CreateAdjustmentRequest } from '@tollgate/contracts';
import { Database, type Prisma } from '@tollgate/database';
import { Injectable } from '@nestjs/common';
import { describedAdjustment } from './invoice-shape.js';

/** Credits and charges that somebody decided on, for the next invoice of an account. */
@Injectable()
export class Adjustments {
  constructor(private readonly database: Database) {}

  /**
   * Undefined when the same one exists already. Raises `not_found` for an unknown account, and `invalid_request` when the id
   * belongs to another adjustment.
   */
  async create(
    transaction: Prisma.TransactionClient,
    request: CreateAdjustmentRequest,
  ): Promise<Adjustment | undefined> {
    const { adjustment_id: id, account_id: accountId, reason } = request;
    const amountMicroUsd = BigInt(request.amount_micro_usd);
    const account = await transaction.account.findUnique({ where: { id: accountId } });
    if (!account) throw new AppError('not_found', 'There is no such account.', { param: 'account_id' });
    const { count } = await transaction.accountAdjustment.createMany({
      data: [{ id, accountId, amountMicroUsd, reason }],
      skipDuplicates: true,
    });
    const row = await this.find(transaction, id);
    if (row.accountId !== accountId || row.amountMicroUsd !== amountMicroUsd || row.reason !== reason) {
      throw new AppError('invalid_request', 'adjustment_id: belongs to another adjustment', { param: 'adjustment_id' });
    }
    return count === 0 ? undefined : describedAdjustment(row);
  }

  async get(id: string): Promise<Adjustment> {
    return describedAdjustment(await this.find(this.database, id));
  }

  /** The newest first. */
  async list(query: {
    accountId?: string | undefined;
    limit: number;
    after?: string | undefined;
  }): Promise<AdjustmentList> {
    const { accountId, limit, after } = query;
    const rows = await this.database.accountAdjustment.findMany({
      where: { accountId },
      orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
      ...(after !== undefined && { cursor: { id: after }, skip: 1 }),
      take: limit + 1,
      include: { line: true },
    });
    const data = rows.slice(0, limit).map(describedAdjustment);
    return { object: 'list', data, has_more: rows.length > limit, last_id: data.at(-1)?.id ?? null };
  }

  private find(transaction: Prisma.TransactionClient, id: string) {
    return transaction.accountAdjustment.findUniqueOrThrow({ where: { id }, include: { line: true } });
  }
}
