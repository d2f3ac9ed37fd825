import type { LogLevel } from './log-level.js';

/**
 * One entry of a log: its first line, split, and the lines that belong to it. What a format does not say is undefined.
 * Every line of the input stands in exactly one event, so the `lineCount`s add up to the lines of the input.
 */
export interface LogEvent {
  /** Number of its first line, from 1. */
  line: number;
  /** Lines of the input that it covers. */
  lineCount: number;
  /** Milliseconds since 1970 in UTC. A time without a zone is read as UTC, one without a year as the latest that is not in the future. */
  timeMs: number | undefined;
  level: LogLevel | undefined;
  /** The level as the line spells it. */
  levelText: string | undefined;
  host: string | undefined;
  /** The program of a syslog line. */
  process: string | undefined;
  pid: string | undefined;
  /** Logger, class, thread group, source file: whatever names the place in the program. */
  component: string | undefined;
  /** What remains of the first line after the header, without spaces at its end; the `msg` of a structured line. */
  message: string;
  /** The first line as it stands in the input, without its line break. */
  text: string;
  /**
   * Stack frames and other lines that go on with this event, without colours and what a collector put around them; of a
   * structured line, which is one line of the input, the further lines of its message and its stack trace.
   */
  continuation: readonly string[];
}
