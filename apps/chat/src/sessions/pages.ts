import { invalidRequest } from '@tollgate/contracts';
import { z } from 'zod';

/** Of a list by time: when the last row of the page was, and its id. */
export const TimeCursor = z.tuple([z.iso.datetime(), z.uuid()]);

type Cursor = readonly (string | number)[];

/** @param rows one more than the limit, if there are so many: that there is another page */
export function pageOf<Row, Shape>(
  rows: readonly Row[],
  limit: number,
  { shape, cursor }: { shape: (row: Row) => Shape; cursor: (last: Row) => Cursor },
): { data: Shape[]; has_more: boolean; next_cursor: string | null } {
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  return {
    data: page.map(shape),
    has_more: last !== undefined,
    next_cursor: last === undefined ? null : encodeCursor(cursor(last)),
  };
}

/** Opaque to clients. */
function encodeCursor(position: Cursor): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

/** @throws AppError `invalid_request` for anything that {@link pageOf} did not give out */
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
