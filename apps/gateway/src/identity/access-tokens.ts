import type { Caller } from '@tollgate/contracts';
import { Inject, Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { v7 as uuidv7 } from 'uuid';
import { IDENTITY_OPTIONS, type IdentityOptions } from './identity-options.js';
import { SigningKeys } from './signing-keys.js';

/** RFC 9068: keeps an access token from being taken for any other kind of JWT, and the other way round. */
export const ACCESS_TOKEN_TYPE = 'at+jwt';

@Injectable()
export class AccessTokens {
  constructor(
    @Inject(IDENTITY_OPTIONS) private readonly options: IdentityOptions,
    private readonly keys: SigningKeys,
    private readonly jwt: JwtService,
  ) {}

  get ttlSeconds(): number {
    return this.options.accessTokenTtlSeconds;
  }

  issue(caller: Caller): Promise<string> {
    const { account_id, tier, role } = caller;
    const key = this.keys.current;
    return this.jwt.signAsync(
      { account_id, tier, role },
      {
        algorithm: 'ES256',
        header: { alg: 'ES256', typ: ACCESS_TOKEN_TYPE, kid: key.id },
        privateKey: key.privateKey,
        issuer: this.options.issuer,
        audience: this.options.audience,
        subject: caller.user_id,
        expiresIn: this.ttlSeconds,
        jwtid: uuidv7(),
      },
    );
  }
}
