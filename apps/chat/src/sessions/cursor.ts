import { invalidRequest } from '@tollgate/contracts';
import { z } from 'zod';

/** Where a page ended, opaque to clients. */
export function encodeCursor(position: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

/** @throws AppError `invalid_request` for anything that {@link encodeCursor} did not write */
export function decodeCursor<T>(schema: z.ZodType<T>, cursor: string): T {
  const parsed = schema.safeParse(parse(cursor));
  if (parsed.success) return parsed.data;
  throw invalidRequest([{ message: 'is not a cursor of this list', path: ['cursor'] }], 'query');
}

function parse(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    return undefined;
  }
}
