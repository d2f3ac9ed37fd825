import { Database } from '@tollgate/database';
import { Logger } from '@tollgate/observability';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { createUser } from './create-user.js';
import { IDENTITY_OPTIONS, type IdentityOptions } from './identity-options.js';
import { Passwords } from './passwords.js';

/** Makes sure that the user of DEMO_USER_EMAIL exists; one that does is left alone, password included. */
@Injectable()
export class DemoUser implements OnApplicationBootstrap {
  constructor(
    @Inject(IDENTITY_OPTIONS) private readonly options: IdentityOptions,
    private readonly database: Database,
    private readonly passwords: Passwords,
    private readonly logger: Logger,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { demoUser } = this.options;
    if (!demoUser) return;
    const { email, password } = demoUser;
    if (await this.database.user.findUnique({ where: { email } })) return;
    const passwordHash = await this.passwords.hash(password);
    const user = await createUser(this.database, { email, passwordHash, planCode: 'pro' });
    if (user) this.logger.log('The demo user was created.', { email });
  }
}
