import { z } from 'zod';
import { logLevels } from './log-level.js';

export const queryFields = ['level', 'component', 'host', 'template', 'message', 'minute', 'hour', 'day'] as const;

export type QueryField = (typeof queryFields)[number];

const minuteOfDay = z.int().min(0).max(1_440);
const words = z.array(z.string().min(1).max(500)).max(20);

/** Which events count. All that is given must hold; of a list one is enough, but every one of `text`. Case is ignored. */
export const QueryFilter = z.strictObject({
  levels: z.array(z.enum(logLevels)).optional(),
  /** Level error and above, or without a level words that tell of a failure. */
  failures: z.boolean().optional(),
  components: words.optional(),
  hosts: words.optional(),
  templateIds: words.optional(),
  /** Somewhere in the event, its stack trace included. */
  text: words.optional(),
  withoutText: words.optional(),
  /** Milliseconds since 1970; from is included, to is not. */
  fromMs: z.number().optional(),
  toMs: z.number().optional(),
  /** Minutes since midnight UTC, on every day; to is not included. */
  fromMinute: minuteOfDay.optional(),
  toMinute: minuteOfDay.optional(),
  /** Both included. */
  fromLine: z.int().min(1).optional(),
  toLine: z.int().min(1).optional(),
});

/** A question about a log in a form that can be executed. A person, the question parser or a model may have written it. */
export const QueryPlan = z.strictObject({
  where: QueryFilter.prefault({}),
  /**
   * `count`: how many events · `rate`: how many a minute · `first`, `last`: when and on which line · `distinct`: how many different
   * values of `of` · `values`: the values behind `variable`, a word that stands before them.
   */
  measure: z.enum(['count', 'rate', 'first', 'last', 'distinct', 'values']),
  groupBy: z.enum(queryFields).optional(),
  of: z.enum(queryFields).optional(),
  variable: z.string().min(1).max(100).optional(),
  /** Groups in the answer. */
  limit: z.int().min(1).max(1_000).prefault(10),
});

export type QueryPlan = z.output<typeof QueryPlan>;
export type QueryFilter = z.output<typeof QueryFilter>;
