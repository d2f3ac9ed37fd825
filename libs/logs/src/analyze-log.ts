import type { LogFormat } from './line-formats.js';
import { type AnalysisOptions, LogAnalysis } from './log-analysis.js';
import { LogParser } from './log-parser.js';
import type { LogReport } from './report.js';

export type LogChunks = Iterable<Uint8Array | string> | AsyncIterable<Uint8Array | string>;

export interface PartOptions {
  /** Number of its first line in the whole log; 1 unless told. */
  firstLine?: number;
  /** What an earlier part learned of how lines are written. */
  format?: LogFormat;
  /** The time by which dates without a year are understood; now unless told. */
  referenceMs?: number;
  /** The part may begin in the middle of an event, which the part before has. Needs `format`. */
  startsAtNextEvent?: boolean;
  /** What stands in the log behind the part: it is read as far as it goes on with the last event. */
  next?: LogChunks;
}

/** Reads a whole log, given as chunks of bytes or text cut anywhere, and reports what is in it. */
export async function analyzeLog(source: LogChunks, options: AnalysisOptions & PartOptions = {}): Promise<LogReport> {
  const { analysis } = await analyzePart(source, options);
  return analysis.report(options);
}

/**
 * Reads a part of a log, for `LogAnalysis.merge`. Parts are cut anywhere between two lines: with `startsAtNextEvent` and
 * `next`, an event over a cut is read by the part in which it begins. Without them a part must begin an event. `format` and
 * `nextLine` are for the part after it.
 */
export async function analyzePart(
  source: LogChunks,
  { next, ...options }: PartOptions = {},
): Promise<{ analysis: LogAnalysis; format: LogFormat | undefined; nextLine: number }> {
  const analysis = new LogAnalysis();
  const parser = new LogParser({ ...options, onEvent: analysis.add.bind(analysis) });
  for await (const chunk of source) parser.write(chunk);
  if (next) {
    parser.finishEvent();
    for await (const chunk of next) {
      parser.write(chunk);
      if (parser.isComplete) break;
    }
  }
  const totals = parser.end();
  analysis.addTotals(totals);
  return { analysis, format: parser.format, nextLine: (options.firstLine ?? 1) + totals.lines };
}

/** What the beginning of a log says about how its lines are written, for `PartOptions`; reads no more than it needs. */
export async function learnLogFormat(
  source: LogChunks,
  { referenceMs }: Pick<PartOptions, 'referenceMs'> = {},
): Promise<LogFormat> {
  const parser = new LogParser({ onEvent: () => undefined, referenceMs });
  for await (const chunk of source) {
    parser.write(chunk);
    if (parser.format) break;
  }
  parser.end();
  return parser.format ?? { formats: [], isTimed: false, untimed: { steps: [] } };
}
