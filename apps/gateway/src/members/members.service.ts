import {
  AppError,
  type AdminUser,
  type Caller,
  type ChangeUserRequest,
  type CreateUserRequest,
  type UserList,
} from '@tollgate/contracts';
import { Database, type Prisma, type User } from '@tollgate/database';
import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { AuditLog } from '../admin/audit-log.js';
import { pageOf, type ListQuery } from '../admin/list-query.js';
import { Passwords } from '../identity/passwords.js';

/** The users of an account, for those who run it; of any account, for those who run the platform. */
@Injectable()
export class Members {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly passwords: Passwords,
  ) {}

  /** The newest first. */
  async list({ limit, after, accountId }: ListQuery): Promise<UserList> {
    const rows = await this.database.user.findMany({
      where: { accountId, id: after === undefined ? undefined : { lt: after } },
      orderBy: { id: 'desc' },
      take: limit + 1,
    });
    const { data, ...page } = pageOf(rows, limit);
    return { object: 'list', data: data.map(describedUser), ...page };
  }

  /** Raises `email_taken`; `not_found` for an unknown account. */
  async create(caller: Caller, request: CreateUserRequest): Promise<AdminUser> {
    const { email, role, account_id: accountId = caller.account_id } = request;
    checkReach(caller, accountId);
    checkRole(caller, role);
    const passwordHash = await this.passwords.hash(request.password);
    return this.database.$transaction(async (tx) => {
      await checkAccount(tx, accountId);
      return this.add(tx, { email, role, accountId, passwordHash });
    });
  }

  /** A user of an account that exists, in the caller's transaction. Raises `email_taken`. */
  async add(
    tx: Prisma.TransactionClient,
    user: Pick<User, 'email' | 'role' | 'accountId' | 'passwordHash'>,
  ): Promise<AdminUser> {
    const id = uuidv7();
    const { count } = await tx.user.createMany({ data: [{ id, ...user }], skipDuplicates: true });
    if (count === 0) throw new AppError('email_taken', 'A user with this email exists.', { param: 'email' });
    const after = describedUser(await tx.user.findUniqueOrThrow({ where: { id } }));
    await this.audit.record(tx, { action: 'user.create', subject: `user:${id}`, accountId: user.accountId, after });
    return after;
  }

  /** Nobody changes themselves: the last one who runs an account would lock everybody out. Raises `not_found` and `forbidden`. */
  async change(caller: Caller, id: string, { role, disabled }: ChangeUserRequest): Promise<AdminUser> {
    if (id === caller.user_id)
      throw new AppError('forbidden', 'Nobody changes their own role, or disables themselves.');
    if (role) checkRole(caller, role);
    return this.database.$transaction(async (tx) => {
      const before = await find(tx, caller, id);
      const disabledAt = disabled === undefined ? undefined : disabled ? (before.disabledAt ?? new Date()) : null;
      const after = await tx.user.update({ where: { id }, data: { role, disabledAt } });
      // A login from before does not come back when the user does.
      if (disabled) await tx.refreshToken.deleteMany({ where: { userId: id } });
      await this.audit.record(tx, {
        action: role ? 'user.change_role' : disabled ? 'user.disable' : 'user.enable',
        subject: `user:${id}`,
        accountId: after.accountId,
        before: describedUser(before),
        after: describedUser(after),
      });
      return describedUser(after);
    });
  }

  /** With all of the user's tokens, keys and chat sessions; what was served to them stays in the ledger. Raises `not_found` and `forbidden`. */
  async delete(caller: Caller, id: string): Promise<void> {
    if (id === caller.user_id) throw new AppError('forbidden', 'Nobody deletes themselves.');
    await this.database.$transaction(async (tx) => {
      const before = await find(tx, caller, id);
      await tx.user.delete({ where: { id } });
      await this.audit.record(tx, {
        action: 'user.delete',
        subject: `user:${id}`,
        accountId: before.accountId,
        before: describedUser(before),
      });
    });
  }
}

export function describedUser({ id, accountId, email, role, disabledAt, createdAt }: User): AdminUser {
  const disabled = disabledAt !== null;
  return { id, object: 'user', account_id: accountId, email, role, disabled, created_at: createdAt.toISOString() };
}

/** Another account is for platform admins. */
export function checkReach(caller: Caller, accountId: string): void {
  if (caller.role === 'admin' || accountId === caller.account_id) return;
  throw new AppError('forbidden', 'account_id: is not your own account', { param: 'account_id' });
}

export async function checkAccount(tx: Prisma.TransactionClient, accountId: string): Promise<void> {
  const account = await tx.account.findUnique({ where: { id: accountId } });
  if (!account) throw new AppError('not_found', 'There is no such account.', { param: 'account_id' });
}

function checkRole(caller: Caller, role: Caller['role']): void {
  if (role !== 'admin' || caller.role === 'admin') return;
  throw new AppError('forbidden', 'role: "admin" is given by those who run the platform', { param: 'role' });
}

async function find(tx: Prisma.TransactionClient, caller: Caller, id: string): Promise<User> {
  const user = await tx.user.findUnique({ where: { id } });
  const isInReach = caller.role === 'admin' || user?.accountId === caller.account_id;
  // Nobody but a platform admin touches a platform admin, also in the same account.
  const isAboveCaller = user?.role === 'admin' && caller.role !== 'admin';
  if (!user || !isInReach || isAboveCaller) throw new AppError('not_found', 'There is no such user.');
  return user;
}
