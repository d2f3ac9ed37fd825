import { Caller } from '@tollgate/contracts';
import { currentRequest } from '@tollgate/observability';
import { Inject, Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { z } from 'zod';
import { parseJson } from '../http/parse-json.js';
import { ACCESS_TOKEN_TYPE } from './access-tokens.js';
import { IDENTITY_OPTIONS, type IdentityOptions } from './identity-options.js';
import { SigningKey } from './signing-key.js';
import { VerifiedTokens } from './verified-tokens.js';

const tokenOf = ExtractJwt.fromAuthHeaderAsBearerToken();
const TOKEN_CHARACTERS_MAX = 4_096;

const TokenHeader = z.object({ alg: z.literal('ES256'), typ: z.literal(ACCESS_TOKEN_TYPE), kid: z.string() });
const TokenClaims = Caller.omit({ user_id: true }).extend({ sub: z.uuid(), exp: z.number() });

/** Algorithm, type and key are ours to say; the token's header may only agree. */
@Injectable()
export class JwtStrategy extends PassportStrategy(Strategy) {
  constructor(
    @Inject(IDENTITY_OPTIONS) options: IdentityOptions,
    key: SigningKey,
    private readonly verified: VerifiedTokens,
  ) {
    const publicKeyPem = key.publicKey.export({ format: 'pem', type: 'spki' });
    super({
      jwtFromRequest: tokenOf,
      passReqToCallback: true,
      secretOrKeyProvider: (_request, token: string, done) => {
        if (hasOurHeader(token, key.id)) done(null, publicKeyPem);
        else done(new Error('not an access token of this gateway'));
      },
      algorithms: ['ES256'],
      issuer: options.issuer,
      audience: options.audience,
    });
  }

  /** Puts the caller on the request's context, from where it travels with every message. */
  validate(httpRequest: FastifyRequest, claims: unknown): Caller | false {
    const { success, data } = TokenClaims.safeParse(claims);
    if (!success) return false;
    const caller = { account_id: data.account_id, user_id: data.sub, tier: data.tier, role: data.role };
    const token = tokenOf(httpRequest);
    if (token) this.verified.add(token, caller, data.exp * 1_000);
    const request = currentRequest();
    if (request) request.caller = caller;
    return caller;
  }
}

function hasOurHeader(token: string, keyId: string): boolean {
  if (token.length > TOKEN_CHARACTERS_MAX) return false;
  const header = TokenHeader.safeParse(parseJson(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()));
  return header.success && header.data.kid === keyId;
}
