import { createHash, randomBytes } from 'node:crypto';
import {
  AppError,
  type AcceptInviteRequest,
  type Caller,
  type CreatedInvite,
  type CreateInviteRequest,
  type Invite,
  type InviteList,
} from '@tollgate/contracts';
import { Database, type Invite as InviteRow, type Prisma } from '@tollgate/database';
import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { AuditLog } from '../admin/audit-log.js';
import { pageOf, type ListQuery } from '../admin/list-query.js';
import { Passwords } from '../identity/passwords.js';
import { checkAccount, checkReach, Members } from '../members/members.service.js';

const TOKEN_BYTES = 32;
const VALID_MS = 7 * 24 * 3_600_000;

/** Invitations into an account. Tollgate sends no mail: whoever invites passes the token on. */
@Injectable()
export class Invites {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly passwords: Passwords,
    private readonly members: Members,
  ) {}

  /** The newest first. */
  async list({ limit, after, accountId }: ListQuery): Promise<InviteList> {
    const rows = await this.database.invite.findMany({
      where: { accountId, id: after === undefined ? undefined : { lt: after } },
      orderBy: { id: 'desc' },
      take: limit + 1,
    });
    const { data, ...page } = pageOf(rows, limit);
    return { object: 'list', data: data.map(described), ...page };
  }

  /** Raises `email_taken`, `forbidden` and `not_found`. */
  async invite(caller: Caller, request: CreateInviteRequest): Promise<CreatedInvite> {
    const { account_id: accountId = caller.account_id } = request;
    checkReach(caller, accountId);
    return this.database.$transaction(async (tx) => {
      await checkAccount(tx, accountId);
      return this.create(tx, accountId, request);
    });
  }

  /** In the caller's transaction. Raises `email_taken`. */
  async create(
    tx: Prisma.TransactionClient,
    accountId: string,
    { email, role }: Pick<CreateInviteRequest, 'email' | 'role'>,
  ): Promise<CreatedInvite> {
    if (await tx.user.findUnique({ where: { email } })) {
      throw new AppError('email_taken', 'A user with this email exists.', { param: 'email' });
    }
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    const expiresAt = new Date(Date.now() + VALID_MS);
    const data = { id: uuidv7(), accountId, email, role, tokenHash: hashOf(token), expiresAt };
    const invite = described(await tx.invite.create({ data }));
    await this.audit.record(tx, { action: 'invite.create', subject: `invite:${invite.id}`, accountId, after: invite });
    return { ...invite, token };
  }

  /** Makes the invited user. Raises `invalid_request` for a token that is unknown, used, revoked or expired, and `email_taken`. */
  async accept({ token, password }: AcceptInviteRequest): Promise<string> {
    const passwordHash = await this.passwords.hash(password);
    return this.database.$transaction(async (tx) => {
      const { count } = await tx.invite.updateMany({
        where: { tokenHash: hashOf(token), acceptedAt: null, revokedAt: null, expiresAt: { gt: new Date() } },
        data: { acceptedAt: new Date() },
      });
      const invite = await tx.invite.findUnique({ where: { tokenHash: hashOf(token) } });
      if (count === 0 || !invite) {
        throw new AppError('invalid_request', 'token: is not valid, or not any more', { param: 'token' });
      }
      const { email, role, accountId } = invite;
      await this.members.add(tx, { email, role, accountId, passwordHash });
      return email;
    });
  }

  /** Raises `not_found`, also for one that is over. */
  async revoke(caller: Caller, id: string): Promise<void> {
    await this.database.$transaction(async (tx) => {
      const accountId = caller.role === 'admin' ? undefined : caller.account_id;
      const { count } = await tx.invite.updateMany({
        where: { id, accountId, acceptedAt: null, revokedAt: null },
        data: { revokedAt: new Date() },
      });
      if (count === 0) throw new AppError('not_found', 'There is no such open invitation.');
      const after = described(await tx.invite.findUniqueOrThrow({ where: { id } }));
      const change = { action: 'invite.revoke', subject: `invite:${id}`, accountId: after.account_id, after };
      await this.audit.record(tx, change);
    });
  }
}

function hashOf(token: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(createHash('sha256').update(token).digest());
}

function described(row: InviteRow): Invite {
  const { id, accountId, email, role, createdAt, expiresAt } = row;
  return {
    id,
    object: 'invite',
    account_id: accountId,
    email,
    role: role === 'account_admin' ? 'account_admin' : 'user',
    status: statusOf(row),
    created_at: createdAt.toISOString(),
    expires_at: expiresAt.toISOString(),
  };
}

function statusOf({ acceptedAt, revokedAt, expiresAt }: InviteRow): Invite['status'] {
  if (acceptedAt) return 'accepted';
  if (revokedAt) return 'revoked';
  return expiresAt.getTime() <= Date.now() ? 'expired' : 'open';
}
