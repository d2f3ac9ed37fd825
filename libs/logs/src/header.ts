import { levelOf, type LogLevel } from './log-level.js';

/** What has been read of a line before its message. One instance is filled again and again. */
export class Header {
  timeMs: number | undefined;
  level: LogLevel | undefined;
  levelText: string | undefined;
  host: string | undefined;
  process: string | undefined;
  pid: string | undefined;
  component: string | undefined;
  /** Index of the first character of the message. */
  messageStart = 0;
  /** False for a line that has no header. */
  isFound = false;
  /** Set where the message is not simply the rest of the line. */
  message: string | undefined;
  /** The stack trace that a structured line carries. */
  stack: string | undefined;

  clear(): void {
    this.timeMs = this.level = this.levelText = this.host = this.process = undefined;
    this.pid = this.component = this.message = this.stack = undefined;
    this.messageStart = 0;
    this.isFound = false;
  }

  setLevel(text: string): void {
    this.levelText = text;
    this.level = levelOf(text);
  }
}
