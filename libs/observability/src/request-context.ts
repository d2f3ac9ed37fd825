import { AsyncLocalStorage } from 'node:async_hooks';
import type { Caller } from '@tollgate/contracts';

/** What follows one client request through every process and hop. */
export interface RequestContext {
  requestId: string;
  /** W3C Trace Context of the hop that is running now. */
  traceparent: string;
  /** Absent before authentication. */
  caller?: Caller;
  /** Of the client, as far as the proxies in front are trusted. */
  address?: string;
  /** On routes for those who run the platform: what is read and written belongs to any account. */
  isForAllAccounts?: boolean;
  /** Epoch milliseconds after which nobody waits for the answer any more. */
  deadlineAt?: number;
  /** Aborts when the caller went away, cancelled, or ran out of time. */
  signal?: AbortSignal;
}

const storage = new AsyncLocalStorage<RequestContext>();

export function currentRequest(): RequestContext | undefined {
  return storage.getStore();
}

export function runInRequest<T>(context: RequestContext, work: () => T): T {
  return storage.run(context, work);
}
