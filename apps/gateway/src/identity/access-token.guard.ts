import { AppError, type Caller } from '@tollgate/contracts';
import { currentRequest } from '@tollgate/observability';
import { Injectable, SetMetadata, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import { ExtractJwt } from 'passport-jwt';
import { ApiKeyCallers } from '../api-keys/api-key-callers.js';
import { looksLikeKey } from '../api-keys/key-format.js';
import { authenticatedCaller } from './current-caller.js';
import { checkPermissions } from './permissions.js';
import { Standings } from './standings.js';
import { VerifiedTokens } from './verified-tokens.js';

const PUBLIC = 'tollgate:public';

/** Opens a route, or all of a controller, to callers without a token. */
export const Public = () => SetMetadata(PUBLIC, true);

const tokenOf = ExtractJwt.fromAuthHeaderAsBearerToken();

/** Bound globally: a route without {@link Public} is closed. */
@Injectable()
export class AccessTokenGuard extends AuthGuard('jwt') {
  constructor(
    private readonly reflector: Reflector,
    private readonly verified: VerifiedTokens,
    private readonly standings: Standings,
    private readonly apiKeys: ApiKeyCallers,
  ) {
    super();
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const isPublic = this.reflector.getAllAndOverride<boolean | undefined>(PUBLIC, [
      context.getHandler(),
      context.getClass(),
    ]);
    const request = currentRequest();
    if (isPublic || !request) return isPublic === true;
    const token = tokenOf(context.switchToHttp().getRequest<FastifyRequest>());
    if (token && looksLikeKey(token)) {
      const { caller, scopes } = await this.apiKeys.authenticate(token);
      request.caller = caller;
      checkPermissions(context, this.reflector, caller, scopes);
      return true;
    }
    if (!this.isVerified(token) && (await super.canActivate(context)) !== true) return false;
    checkPermissions(context, this.reflector, await this.applyStanding(), undefined);
    return true;
  }

  /** Tier and role as the database has them now: the token may be older than a change of plan. */
  private async applyStanding(): Promise<Caller> {
    const request = currentRequest();
    const claims = authenticatedCaller();
    const caller = this.standings.known(claims) ?? (await this.standings.ofToken(claims));
    if (request) request.caller = caller;
    return caller;
  }

  private isVerified(token: string | null): boolean {
    const caller = token ? this.verified.get(token) : undefined;
    const request = currentRequest();
    if (!caller || !request) return false;
    request.caller = caller;
    return true;
  }

  /** Called by passport with the outcome; `info` says why there is no caller. */
  override handleRequest<User>(error: unknown, caller: User | false, info: unknown): User {
    if (error) throw AppError.fromUnknown(error);
    if (!caller) throw refusal(info);
    return caller;
  }
}

function refusal(info: unknown): AppError {
  const reason = info instanceof Error ? info : undefined;
  if (reason?.name === 'TokenExpiredError') return new AppError('token_expired', 'The access token has expired.');
  if (reason?.message === 'No auth token') {
    return new AppError('unauthenticated', 'This needs an access token or an API key: Authorization: Bearer <token>.');
  }
  return new AppError('unauthenticated', 'The access token is not valid.', { cause: info });
}
