/** Of sockets, Prisma (P…) and Postgres (SQLSTATE): the server cannot be reached, is starting, stopping or full. */
const connectionErrorCodes = new Set(
  `ECONNREFUSED ECONNRESET ENOTFOUND EAI_AGAIN ETIMEDOUT EPIPE EHOSTUNREACH
  P1001 P1002 P1008 P1017 P2024 P2028 P2037
  08000 08001 08003 08004 08006 53300 57P01 57P02 57P03`.split(/\s+/),
);

const DEPTH_MAX = 6;

/** Does the error, or anything that caused it, say that a server cannot be reached? Such a request may succeed later. */
export function isConnectionError(thrown: unknown, depth = 0): boolean {
  if (depth > DEPTH_MAX || typeof thrown !== 'object' || thrown === null) return false;
  const { code, originalCode, cause, meta, driverAdapterError } = thrown as Record<string, unknown>;
  if ([code, originalCode].some((value) => typeof value === 'string' && connectionErrorCodes.has(value))) return true;
  return [cause, meta, driverAdapterError].some((inner) => isConnectionError(inner, depth + 1));
}
