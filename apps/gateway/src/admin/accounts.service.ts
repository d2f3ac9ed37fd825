import { AppError, type AdminAccount, type AdminAccountList, type AdminUser, type Caller } from '@tollgate/contracts';
import { Database, type Account, type User } from '@tollgate/database';
import { Injectable } from '@nestjs/common';
import { AuditLog } from './audit-log.js';
import { pageOf, type ListQuery } from './list-query.js';

/** Accounts and users as an admin sees and changes them; every change stands in the audit log. */
@Injectable()
export class AccountsService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
  ) {}

  /** The newest first. */
  async list({ limit, after, accountId }: ListQuery): Promise<AdminAccountList> {
    const rows = await this.database.account.findMany({
      where: { id: accountId ?? (after === undefined ? undefined : { lt: after }) },
      orderBy: { id: 'desc' },
      take: limit + 1,
      include: { users: { orderBy: { id: 'asc' } } },
    });
    const { data, ...page } = pageOf(rows, limit);
    return { object: 'list', data: data.map(describedAccount), ...page };
  }

  async changeTier(id: string, tier: string): Promise<AdminAccount> {
    return this.database.$transaction(async (tx) => {
      const plan = await tx.plan.findFirst({ where: { code: tier, effectiveFrom: { lte: new Date() } } });
      if (!plan) throw new AppError('invalid_request', `tier: there is no plan "${tier}"`, { param: 'tier' });
      const before = await tx.account.findUnique({ where: { id } });
      if (!before) throw new AppError('not_found', 'There is no such account.');
      const after = await tx.account.update({ where: { id }, data: { planCode: tier }, include: { users: true } });
      await this.audit.record(tx, {
        action: 'account.change_tier',
        subject: `account:${id}`,
        accountId: id,
        before: { tier: before.planCode },
        after: { tier },
      });
      return describedAccount(after);
    });
  }

  /** An admin cannot take the role from themselves: the last one would lock everybody out. */
  async changeRole(admin: Caller, id: string, role: Caller['role']): Promise<AdminUser> {
    if (id === admin.user_id) throw new AppError('forbidden', 'Nobody changes their own role.');
    return this.database.$transaction(async (tx) => {
      const before = await tx.user.findUnique({ where: { id } });
      if (!before) throw new AppError('not_found', 'There is no such user.');
      const after = await tx.user.update({ where: { id }, data: { role } });
      await this.audit.record(tx, {
        action: 'user.change_role',
        subject: `user:${id}`,
        accountId: after.accountId,
        before: { role: before.role },
        after: { role },
      });
      return describedUser(after);
    });
  }
}

function describedAccount({ id, planCode, createdAt, users }: Account & { users: User[] }): AdminAccount {
  return {
    id,
    object: 'account',
    tier: planCode,
    created_at: createdAt.toISOString(),
    users: users.map(describedUser),
  };
}

function describedUser({ id, email, role, createdAt }: User): AdminUser {
  return { id, object: 'user', email, role, created_at: createdAt.toISOString() };
}
