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
}

/** Reads a whole log, given as chunks of bytes or text cut anywhere, and reports what is in it. */
export async function analyzeLog(source: LogChunks, options: AnalysisOptions & PartOptions = {}): Promise<LogReport> {
  const { analysis } = await analyzePart(source, options);
  return analysis.report(options);
}

/**
 * Reads a part of a log, for `LogAnalysis.merge`. A part begins at a line that begins an event. `format` and
 * `nextLine` are for the part after it.
 */
export async function analyzePart(
  source: LogChunks,
  { firstLine = 1, format, referenceMs }: PartOptions = {},
): Promise<{ analysis: LogAnalysis; format: LogFormat | undefined; nextLine: number }> {
  const analysis = new LogAnalysis();
  const onEvent = analysis.add.bind(analysis);
  const parser = new LogParser({ onEvent, firstLine, format, referenceMs });
  for await (const chunk of source) parser.write(chunk);
  const { lines } = parser.end();
  return { analysis, format: parser.format, nextLine: firstLine + lines };
}
