import { AppError, errorTable, type LoginRequest, type RegisterRequest, type TokenResponse } from '@tollgate/contracts';
import { asService, Database } from '@tollgate/database';
import { Injectable } from '@nestjs/common';
import { AccessTokens } from './access-tokens.js';
import { AuthEvents } from './auth-events.js';
import { createUser, type UserWithAccount } from './create-user.js';
import { Passwords } from './passwords.js';
import { RefreshTokens } from './refresh-tokens.js';

@Injectable()
export class IdentityService {
  constructor(
    private readonly database: Database,
    private readonly passwords: Passwords,
    private readonly accessTokens: AccessTokens,
    private readonly refreshTokens: RefreshTokens,
    private readonly events: AuthEvents,
  ) {}

  async register({ email, password }: RegisterRequest): Promise<TokenResponse> {
    const passwordHash = await this.passwords.hash(password);
    const user = await createUser(this.database, { email, passwordHash, planCode: 'free' });
    if (!user) throw new AppError('email_taken', 'An account with this email exists.', { param: 'email' });
    const refreshToken = await this.refreshTokens.start(user.id);
    await this.events.record('auth.register', user);
    return this.tokensFor(user, refreshToken);
  }

  async login({ email, password }: LoginRequest): Promise<TokenResponse> {
    const where = { email };
    const user = await asService(() => this.database.user.findFirst({ where, include: { account: true } }));
    const matches = await this.passwords.matches(password, user?.passwordHash);
    if (!user || !matches) {
      await this.events.record('auth.login_failed', user);
      throw new AppError('invalid_credentials', 'The email or the password is wrong.');
    }
    if (user.disabledAt || user.account.suspendedAt) {
      await this.events.record('auth.login_failed', user);
      throw new AppError('account_suspended', errorTable.account_suspended.meaning);
    }
    const refreshToken = await this.refreshTokens.start(user.id);
    await this.events.record('auth.login', user);
    return this.tokensFor(user, refreshToken);
  }

  async refresh(refreshToken: string): Promise<TokenResponse> {
    const { token, user } = await this.refreshTokens.rotate(refreshToken);
    return this.tokensFor(user, token);
  }

  async logout(refreshToken: string): Promise<void> {
    await this.refreshTokens.revoke(refreshToken);
  }

  /** The tier stands in the token as the database has it now; an upgrade shows at the next refresh. */
  private async tokensFor(user: UserWithAccount, refreshToken: string): Promise<TokenResponse> {
    const { id, accountId, role, account } = user;
    return {
      access_token: await this.accessTokens.issue({
        account_id: accountId,
        user_id: id,
        tier: account.planCode,
        role,
      }),
      token_type: 'Bearer',
      expires_in: this.accessTokens.ttlSeconds,
      refresh_token: refreshToken,
      refresh_expires_in: this.refreshTokens.ttlSeconds,
    };
  }
}
