import { DatabaseError, Prisma } from '@tollgate/database';

/** Prisma's codes for data that Postgres will never take: too long, not unique, no such account, null, out of range. */
const refusalCodes = new Set(['P2000', 'P2002', 'P2003', 'P2004', 'P2005', 'P2006', 'P2007', 'P2011', 'P2020']);

/** SQLSTATE classes of the same, for raw statements: bad data (22), a violated constraint (23). */
const refusalStates = /^(22|23)/;

/** The data has been judged; asking again would change nothing. Everything else is worth another try. */
export function isRefusal(error: unknown): boolean {
  if (error instanceof Prisma.PrismaClientValidationError) return true;
  if (error instanceof DatabaseError) return refusalStates.test(error.code ?? '');
  if (!(error instanceof Prisma.PrismaClientKnownRequestError)) return false;
  return refusalCodes.has(error.code) || refusalStates.test(sqlStateOf(error) ?? '');
}

/** A raw statement fails as P2010; what Postgres said is in the adapter's error. */
function sqlStateOf(error: Prisma.PrismaClientKnownRequestError): string | undefined {
  const adapterError: unknown = error.meta?.['driverAdapterError'];
  if (!(adapterError instanceof Error) || typeof adapterError.cause !== 'object' || adapterError.cause === null)
    return undefined;
  const state: unknown = Reflect.get(adapterError.cause, 'originalCode');
  return typeof state === 'string' ? state : undefined;
}
