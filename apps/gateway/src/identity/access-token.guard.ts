import { AppError } from '@tollgate/contracts';
import { Injectable, SetMetadata, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';

const PUBLIC = 'tollgate:public';

/** Opens a route, or all of a controller, to callers without a token. */
export const Public = () => SetMetadata(PUBLIC, true);

/** Bound globally: a route without {@link Public} is closed. */
@Injectable()
export class AccessTokenGuard extends AuthGuard('jwt') {
  constructor(private readonly reflector: Reflector) {
    super();
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const isPublic = this.reflector.getAllAndOverride<boolean>(PUBLIC, [context.getHandler(), context.getClass()]);
    return isPublic || (await super.canActivate(context)) === true;
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
    return new AppError('unauthenticated', 'This needs an access token: Authorization: Bearer <token>.');
  }
  return new AppError('unauthenticated', 'The access token is not valid.', { cause: info });
}
