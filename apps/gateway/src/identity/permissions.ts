import { AppError, type ApiKeyScope, type Caller } from '@tollgate/contracts';
import { currentRequest } from '@tollgate/observability';
import { applyDecorators, SetMetadata, type ExecutionContext } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';

const LOGIN_ONLY = 'tollgate:login only';
const SCOPE = 'tollgate:scope';
const ROLE = 'tollgate:role';
const ANY_SCOPE = 'any';

/** Of a route and its controller, where marks may stand. */
type Places = [ReturnType<ExecutionContext['getHandler']>, ReturnType<ExecutionContext['getClass']>];

/** Not for API keys: a stolen key must not make others. */
export const LoginOnly = () => SetMetadata(LOGIN_ONLY, true);

/** What an API key must be for. A route that is not marked needs `inference`: what is forgotten is closed. */
export const RequiresScope = (scope: ApiKeyScope) => SetMetadata(SCOPE, scope);

/** For every key. */
export const AnyScope = () => SetMetadata(SCOPE, ANY_SCOPE);

/** For those who run the platform, and their keys of the scope `admin`. */
export const AdminOnly = () => applyDecorators(SetMetadata(ROLE, ['admin']), RequiresScope('admin'));

/** For those who run the account, and keys of the scope `admin`. */
export const AccountAdminOnly = () =>
  applyDecorators(SetMetadata(ROLE, ['account_admin', 'admin']), RequiresScope('admin'));

/** @param scopes of the API key that the caller came with; undefined after a login. Raises `forbidden`. */
export function checkPermissions(
  context: ExecutionContext,
  reflector: Reflector,
  caller: Caller,
  scopes: readonly ApiKeyScope[] | undefined,
): void {
  const places: Places = [context.getHandler(), context.getClass()];
  const roles = reflector.getAllAndOverride<Caller['role'][] | undefined>(ROLE, places);
  if (roles && !roles.includes(caller.role)) throw new AppError('forbidden', 'This is for admins.');
  if (scopes) checkScopes(places, reflector, scopes);
  const request = currentRequest();
  if (request && roles?.every((role) => role === 'admin')) request.isForAllAccounts = true;
}

function checkScopes(places: Places, reflector: Reflector, scopes: readonly ApiKeyScope[]): void {
  if (reflector.getAllAndOverride<boolean | undefined>(LOGIN_ONLY, places)) {
    throw new AppError('forbidden', 'This needs a login; an API key may not do it.');
  }
  const marked = reflector.getAllAndOverride<ApiKeyScope | typeof ANY_SCOPE | undefined>(SCOPE, places);
  const scope = marked ?? 'inference';
  if (scope !== ANY_SCOPE && !scopes.includes(scope))
    throw new AppError('forbidden', `This API key lacks the scope "${scope}".`);
}
