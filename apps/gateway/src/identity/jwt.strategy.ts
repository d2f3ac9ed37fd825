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
import { SigningKeys } from './signing-keys.js';
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
    keys: SigningKeys,
    private readonly verified: VerifiedTokens,
  ) {
    super({
      jwtFromRequest: tokenOf,
      passReqToCallback: true,
      secretOrKeyProvider: (_request, token: string, done) => {
        const key = keys.find(keyIdOf(token) ?? '');
        if (key) done(null, key.publicKeyPem);
        else done(new Error('not an access token of this gateway'));
      },
      algorithms: ['ES256'],
      issuer: options.issuer,
      audience: options.audience,
    });
    keys.whenChanged(() => verified.clear());
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

/** Undefined for a token that is not of the kind that we sign. */
function keyIdOf(token: string): string | undefined {
  if (token.length > TOKEN_CHARACTERS_MAX) return undefined;
  const header = TokenHeader.safeParse(parseJson(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()));
  return header.data?.kid;
}
