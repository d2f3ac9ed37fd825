import { Database } from '@tollgate/database';
import { Logger } from '@tollgate/observability';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { createUser } from './create-user.js';
import { IDENTITY_OPTIONS, type IdentityOptions } from './identity-options.js';
import { Passwords } from './passwords.js';

/** Makes sure that the users of the configuration exist; one that does is left alone, password and role included. */
@Injectable()
export class FirstUsers implements OnApplicationBootstrap {
  constructor(
    @Inject(IDENTITY_OPTIONS) private readonly options: IdentityOptions,
    private readonly database: Database,
    private readonly passwords: Passwords,
    private readonly logger: Logger,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { demoUser, adminUser } = this.options;
    if (demoUser) await this.ensure(demoUser, 'account_admin');
    if (adminUser) await this.ensure(adminUser, 'admin');
  }

  private async ensure(login: { email: string; password: string }, role: 'account_admin' | 'admin'): Promise<void> {
    const { email, password } = login;
    const existing = await this.database.user.findFirst({ where: { email } });
    if (existing && existing.role !== role) {
      // Whoever registered it first may be anybody.
      this.logger.warn('A user of the configuration exists with another role, which is kept.', { email, role });
    }
    if (existing) return;
    const passwordHash = await this.passwords.hash(password);
    const user = await createUser(this.database, { email, passwordHash, planCode: 'pro', role });
    if (user) this.logger.log('A user of the configuration was created.', { email, role });
  }
}
