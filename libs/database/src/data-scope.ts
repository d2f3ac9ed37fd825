import { currentRequest } from '@tollgate/observability';
import { AsyncLocalStorage } from 'node:async_hooks';

/** As whom a statement runs: one of the two roles of the migration, and for tollgate_app the account that it sees. */
export interface DataScope {
  role: 'tollgate_app' | 'tollgate_service';
  /** '' for none. */
  accountId: string;
}

const SERVICE: DataScope = { role: 'tollgate_service', accountId: '' };
const NOBODY: DataScope = { role: 'tollgate_app', accountId: '' };

const serviceWork = new AsyncLocalStorage<true>();

/**
 * Runs `work` over the rows of all accounts, also when it was begun for a request of one of them: for sign-ins, where nobody
 * knows the account yet, and for timers that a request started but that serve every account.
 */
export function asService<Result>(work: () => PromiseLike<Result>): Promise<Result> {
  // The async function takes what Prisma returns up inside: it begins when it is awaited, not when it is made.
  return serviceWork.run(true, async () => work());
}

/**
 * Whose rows a statement sees that is begun here and now. Inside a request: those of its caller, all on a route that is for
 * admins only, none before the caller is known. Outside of requests (jobs, start-up) there is no account: all.
 */
export function currentDataScope(): DataScope {
  const request = currentRequest();
  if (!request || request.isForAllAccounts || serviceWork.getStore()) return SERVICE;
  return request.caller ? { role: 'tollgate_app', accountId: request.caller.account_id } : NOBODY;
}
