import { invalidRequest } from '@tollgate/contracts';
import { bucketSeconds, usageDimensions, type BucketWidth, type UsageDimension } from '@tollgate/metering';
import { z } from 'zod';

/** Buckets of one page: unless said otherwise, and at most. */
const bucketsOfPage: Record<BucketWidth, { usual: number; max: number }> = {
  '1m': { usual: 60, max: 1_440 },
  '1h': { usual: 24, max: 168 },
  '1d': { usual: 7, max: 31 },
};
/** Of one export: minutes come from the ledger itself. */
const exportBucketsMax: Record<BucketWidth, number> = { '1m': 44_640, '1h': 8_784, '1d': 3_660 };
const YEAR_2100 = 4_102_444_800;

/** Unix seconds; whole buckets, the end excluded. */
export interface UsageQuery {
  start: number;
  end: number;
  width: BucketWidth;
  groupBy: UsageDimension[];
  /** Buckets of a page. */
  limit: number;
  format: 'json' | 'csv' | 'ndjson';
  /** Only for admins. */
  accountId?: string;
  userId?: string;
}

/** An empty parameter is no time; as a number it would be 1970. */
const wholeSeconds = z.coerce
  .string()
  .regex(/^\d+$/, 'must be whole Unix seconds')
  .transform(Number)
  .pipe(z.int('must be whole Unix seconds').max(YEAR_2100));
const list = z
  .union([z.string(), z.array(z.string())])
  .transform((value) => [value].flat().flatMap((item) => item.split(',')));

const Parameters = z.strictObject({
  start_time: wholeSeconds.optional(),
  end_time: wholeSeconds.optional(),
  bucket_width: z.enum(['1m', '1h', '1d']).default('1d'),
  group_by: list.pipe(z.array(z.enum(usageDimensions))).default([]),
  limit: z.coerce.number().int().min(1).optional(),
  page: z.string().max(64).optional(),
  format: z.enum(['json', 'csv', 'ndjson']).optional(),
  account_id: z.uuid().optional(),
  user_id: z.uuid().optional(),
});

/** @param accept the header, for clients that ask for a format in that way. Raises `invalid_request`. */
export function parseUsageQuery(query: unknown, accept: string | undefined, nowSeconds: number): UsageQuery {
  const parsed = Parameters.safeParse(withoutBrackets(query));
  if (!parsed.success) throw invalidRequest(parsed.error.issues, 'query');
  const { bucket_width: width, group_by: groupBy, page, account_id: accountId, user_id: userId } = parsed.data;
  const format = parsed.data.format ?? formatOf(accept);
  const size = bucketSeconds[width];
  const { usual, max } = bucketsOfPage[width];
  const limit = parsed.data.limit ?? usual;
  if (limit > max) throw refused('limit', `must be at most ${max} for a bucket_width of ${width}`);

  const end = Math.ceil((parsed.data.end_time ?? nowSeconds + 1) / size) * size;
  const start = Math.floor((parsed.data.start_time ?? end - limit * size) / size) * size;
  if (start >= end) throw refused('start_time', 'must be before end_time');
  if (format !== 'json' && (end - start) / size > exportBucketsMax[width]) {
    throw refused('start_time', `at most ${exportBucketsMax[width]} buckets of ${width} can be exported at once`);
  }
  const from = page === undefined ? start : readPage(page);
  if (from === undefined || from < start || from >= end || from % size !== 0) {
    throw refused('page', 'is no page of this query');
  }
  return { start: from, end, width, groupBy: [...new Set(groupBy)], limit, format, accountId, userId };
}

/** Where the next page begins; opaque for clients. */
export function pageAt(start: number): string {
  return Buffer.from(`page:${start}`).toString('base64url');
}

function readPage(page: string): number | undefined {
  const [, start] = /^page:(\d+)$/.exec(Buffer.from(page, 'base64url').toString()) ?? [];
  return start === undefined ? undefined : Number(start);
}

/** `group_by[]=user`, as OpenAI's clients write it, is `group_by=user`. */
function withoutBrackets(query: unknown): Record<string, unknown> {
  const members = Object.entries(z.record(z.string(), z.unknown()).catch({}).parse(query));
  return Object.fromEntries(members.map(([name, value]) => [name.replace(/\[\]$/, ''), value]));
}

function formatOf(accept = ''): UsageQuery['format'] {
  if (/\btext\/csv\b/.test(accept)) return 'csv';
  return /\bapplication\/(x-)?ndjson\b/.test(accept) ? 'ndjson' : 'json';
}

function refused(param: string, message: string) {
  return invalidRequest([{ path: [param], message }], 'query');
}
