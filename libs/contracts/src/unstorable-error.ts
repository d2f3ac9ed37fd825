/** Postgres' words (SQLSTATE) for a value of a request that no column can hold. */
const unstorableCodes = new Set([
  '22021', // A NUL character in a text.
  '22P05', // The same, or half a surrogate pair, in JSON.
  '22P02', // JSON with half a surrogate pair, in older versions.
  '22007', // A time that is none.
  '22008', // A time out of range.
]);

const DEPTH_MAX = 6;

/** Does the error, or anything that caused it, say that a value cannot be stored, whatever one does? */
export function isUnstorableError(thrown: unknown, depth = 0): boolean {
  if (depth > DEPTH_MAX || typeof thrown !== 'object' || thrown === null) return false;
  const { code, originalCode, cause, meta, driverAdapterError } = thrown as Record<string, unknown>;
  if ([code, originalCode].some((value) => typeof value === 'string' && unstorableCodes.has(value))) return true;
  return [cause, meta, driverAdapterError].some((inner) => isUnstorableError(inner, depth + 1));
}
