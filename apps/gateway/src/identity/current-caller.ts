import { AppError, type Caller } from '@tollgate/contracts';
import { currentRequest } from '@tollgate/observability';
import { createParamDecorator } from '@nestjs/common';

/** The authenticated caller, as a parameter of a controller's method. */
export const CurrentCaller = createParamDecorator(authenticatedCaller);

/** Raises `unauthenticated` on a route that is open to everybody. */
export function authenticatedCaller(): Caller {
  const caller = currentRequest()?.caller;
  if (!caller) throw new AppError('unauthenticated', 'The request is not authenticated.');
  return caller;
}

/** Documented bodies carry a `user_id`: the caller's own is accepted, another one only from an admin. */
export function checkUserId(userId: string | null | undefined, caller: Caller): void {
  const isGiven = userId !== null && userId !== undefined;
  if (!isGiven || userId === caller.user_id || caller.role === 'admin') return;
  throw new AppError('forbidden', 'user_id is not your own id.', { param: 'user_id' });
}
