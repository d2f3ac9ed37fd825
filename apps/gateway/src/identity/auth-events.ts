import { asService, Database, type Prisma } from '@tollgate/database';
import { Injectable } from '@nestjs/common';
import { AuditLog } from '../admin/audit-log.js';

export type AuthEvent =
  'auth.register' | 'auth.login' | 'auth.login_failed' | 'auth.refresh' | 'auth.refresh_reused' | 'auth.logout';

/**
 * Sign-ins and what follows them, in the audit log: who, when, from which address, in which request. Never a password, a token or
 * an e-mail that was typed, which may be a password in the wrong field.
 */
@Injectable()
export class AuthEvents {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
  ) {}

  /**
   * @param user null when nobody has the e-mail that was given: an entry of no account, for those who run the platform
   * @param tx of the event itself, where it has one
   */
  async record(
    action: AuthEvent,
    user: { id: string; accountId: string } | null,
    tx: Prisma.TransactionClient | Database = this.database,
  ): Promise<void> {
    const subject = user ? `user:${user.id}` : 'user:unknown';
    // Who failed to sign in as somebody is not that somebody.
    const actorUserId = action === 'auth.login_failed' ? undefined : user?.id;
    await asService(() => this.audit.record(tx, { action, subject, actorUserId, accountId: user?.accountId }));
  }
}
