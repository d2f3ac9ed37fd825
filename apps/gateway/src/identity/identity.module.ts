import { Logger } from '@tollgate/observability';
import { Module, type DynamicModule } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { JwtModule } from '@nestjs/jwt';
import { PassportModule } from '@nestjs/passport';
import { AuditLog } from '../admin/audit-log.js';
import { ApiKeyCallers } from '../api-keys/api-key-callers.js';
import { ApiKeysController } from '../api-keys/api-keys.controller.js';
import { ApiKeys } from '../api-keys/api-keys.service.js';
import { AccessTokenGuard } from './access-token.guard.js';
import { AccessTokens } from './access-tokens.js';
import { AuthEvents } from './auth-events.js';
import { AuthController } from './auth.controller.js';
import { FirstUsers } from './first-users.js';
import { IDENTITY_OPTIONS, type IdentityOptions } from './identity-options.js';
import { IdentityService } from './identity.service.js';
import { JwksController } from './jwks.controller.js';
import { JwtStrategy } from './jwt.strategy.js';
import { Passwords } from './passwords.js';
import { RefreshTokens } from './refresh-tokens.js';
import { SigningKeys } from './signing-keys.js';
import { Standings } from './standings.js';
import { VerifiedTokens } from './verified-tokens.js';

/** Who is calling: accounts, logins, tokens, and the guard in front of every route. */
@Module({})
export class IdentityModule {
  static forRoot(options: IdentityOptions): DynamicModule {
    return {
      module: IdentityModule,
      global: true,
      imports: [JwtModule.register({}), PassportModule],
      controllers: [ApiKeysController, AuthController, JwksController],
      providers: [
        { provide: IDENTITY_OPTIONS, useValue: options },
        {
          provide: SigningKeys,
          inject: [Logger],
          useFactory: (logger: Logger) => new SigningKeys(options.signingKeys, logger),
        },
        Passwords,
        AccessTokens,
        RefreshTokens,
        IdentityService,
        Standings,
        AuditLog,
        AuthEvents,
        ApiKeys,
        ApiKeyCallers,
        { provide: VerifiedTokens, useValue: new VerifiedTokens() },
        JwtStrategy,
        FirstUsers,
        { provide: APP_GUARD, useClass: AccessTokenGuard },
      ],
      exports: [AuditLog, Standings, ApiKeyCallers, IdentityService, Passwords],
    };
  }
}
