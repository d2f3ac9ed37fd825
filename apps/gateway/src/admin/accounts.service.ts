import {
  AppError,
  type AdminAccount,
  type AdminAccountList,
  type ChangeAccountRequest,
  type CreateAccountRequest,
  type CreatedAccount,
} from '@tollgate/contracts';
import { Database, type Prisma } from '@tollgate/database';
import { Subscriptions } from '@tollgate/metering';
import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { Invites } from '../invites/invites.service.js';
import { describedUser } from '../members/members.service.js';
import { AuditLog } from './audit-log.js';
import { pageOf, type ListQuery } from './list-query.js';

const included = { users: { orderBy: { id: 'asc' } }, planChange: true } as const;
type Row = Prisma.AccountGetPayload<{ include: typeof included }>;

/** Accounts as an admin sees and changes them; every change stands in the audit log. */
@Injectable()
export class AccountsService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly subscriptions: Subscriptions,
    private readonly invites: Invites,
  ) {}

  /** The newest first. */
  async list({ limit, after, accountId }: ListQuery): Promise<AdminAccountList> {
    const rows = await this.database.account.findMany({
      where: { id: accountId ?? (after === undefined ? undefined : { lt: after }) },
      orderBy: { id: 'desc' },
      take: limit + 1,
      include: included,
    });
    const { data, ...page } = pageOf(rows, limit);
    return { object: 'list', data: data.map(describedAccount), ...page };
  }

  /** The account and the invitation of whoever will run it. Raises `invalid_request` for an unknown plan. */
  async create(request: CreateAccountRequest): Promise<CreatedAccount> {
    const { name, tier, admin_email: email } = request;
    return this.database.$transaction(async (tx) => {
      const plan = await tx.plan.findFirst({ where: { code: tier, effectiveFrom: { lte: new Date() } } });
      if (!plan) throw new AppError('invalid_request', `tier: there is no plan "${tier}"`, { param: 'tier' });
      const row = await tx.account.create({ data: { id: uuidv7(), name, planCode: tier }, include: included });
      const account = describedAccount(row);
      const change = { action: 'account.create', subject: `account:${row.id}`, accountId: row.id, after: account };
      await this.audit.record(tx, change);
      return { account, invite: await this.invites.create(tx, row.id, { email, role: 'account_admin' }) };
    });
  }

  /** Raises `not_found`, and `invalid_request` for an unknown plan. */
  async change(id: string, { tier, when, name, suspended }: ChangeAccountRequest): Promise<AdminAccount> {
    return this.database.$transaction(async (tx) => {
      const before = await this.find(tx, id);
      if (tier !== undefined && when === 'now') await this.subscriptions.changeNow(tx, id, tier);
      if (tier !== undefined && when === 'period_end') await this.subscriptions.changeAtPeriodEnd(tx, id, tier);
      const suspendedAt = suspended === undefined ? undefined : suspended ? (before.suspendedAt ?? new Date()) : null;
      await tx.account.update({ where: { id }, data: { name, suspendedAt } });
      const after = await this.find(tx, id);
      await this.audit.record(tx, {
        action: actionOf({ tier, suspended }),
        subject: `account:${id}`,
        accountId: id,
        before: changeable(before),
        after: changeable(after),
      });
      return describedAccount(after);
    });
  }

  private async find(tx: Prisma.TransactionClient, id: string): Promise<Row> {
    const row = await tx.account.findUnique({ where: { id }, include: included });
    if (!row) throw new AppError('not_found', 'There is no such account.');
    return row;
  }
}

function actionOf({ tier, suspended }: Pick<ChangeAccountRequest, 'tier' | 'suspended'>): string {
  if (tier !== undefined) return 'account.change_tier';
  if (suspended === undefined) return 'account.change';
  return suspended ? 'account.suspend' : 'account.reactivate';
}

function changeable(row: Row) {
  const { users: _, ...account } = describedAccount(row);
  return account;
}

function describedAccount({ id, name, planCode, planChange, suspendedAt, createdAt, users }: Row): AdminAccount {
  return {
    id,
    object: 'account',
    name,
    tier: planCode,
    planned_change: planChange && { tier: planChange.planCode, effective_at: planChange.effectiveAt.toISOString() },
    suspended: suspendedAt !== null,
    created_at: createdAt.toISOString(),
    users: users.map(describedUser),
  };
}
