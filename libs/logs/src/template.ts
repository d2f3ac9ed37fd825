import type { LogLevel } from './log-level.js';

/** A kind of message: constant words and, as undefined, the places where values stand. */
export interface Template {
  /** Derived from the text: the same template has the same id in every run and on every replica. */
  id: string;
  /** Its pieces in order; joined, with `<*>` for a parameter, they are `text`. */
  tokens: readonly (string | undefined)[];
  text: string;
  /** Events of this template. */
  count: number;
  /** Where it was seen first and last, as line numbers of events. */
  firstLine: number;
  lastLine: number;
  /** Events for each level; those without a level are not in it. */
  levels: Partial<Record<LogLevel, number>>;
  /** One for each undefined token, in order. */
  parameters: readonly Parameter[];
}

export type ParameterKind = 'number' | 'hex' | 'address' | 'id' | 'path' | 'time' | 'word' | 'text';

/** What stood in one place of a template. */
export interface Parameter {
  kind: ParameterKind;
  /** The word before it where it looks like a key (`uid=<*>`, `port <*>`). */
  name: string | undefined;
  /** Events that had a value here. */
  count: number;
  /** Exact up to `sampledValuesMax` distinct values, an estimate (about 12 %) above. */
  distinct: number;
  /** True when `values` holds every distinct value. */
  isComplete: boolean;
  /** Distinct values with exact counts, most frequent first: all of them, or an even sample of the distinct ones. */
  values: readonly { value: string; count: number; firstLine: number; lastLine: number }[];
  /** Of the values that are numbers. */
  numbers: NumberSummary | undefined;
}

/** Quantiles are within 2 % of a value that occurred. */
export interface NumberSummary {
  count: number;
  min: number;
  max: number;
  /** The first line on which the largest stood. */
  maxLine: number;
  quantile(share: number): number;
}
