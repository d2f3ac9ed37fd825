import { invalidRequest } from '@tollgate/contracts';
import { z } from 'zod';

const Parameters = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  after: z.uuid().optional(),
  account_id: z.uuid().optional(),
});

export interface ListQuery {
  limit: number;
  /** The last id of the page before; ids sort by time. */
  after?: string;
  accountId?: string;
}

/** Raises `invalid_request`. */
export function parseListQuery(query: unknown): ListQuery {
  const parsed = Parameters.safeParse(query);
  if (!parsed.success) throw invalidRequest(parsed.error.issues, 'query');
  const { limit, after, account_id: accountId } = parsed.data;
  return { limit, after, accountId };
}

/** The page of rows that were read with one more than the limit. */
export function pageOf<Row extends { id: string }>(rows: Row[], limit: number) {
  const data = rows.slice(0, limit);
  return { data, has_more: rows.length > limit, last_id: data.at(-1)?.id ?? null };
}
