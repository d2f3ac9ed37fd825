import { appendFile, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

export interface RotatingFileOptions {
  /** Above this many bytes the file becomes `<name>.1`, the one before `<name>.2`, and so on. */
  bytesMax: number;
  /** Files kept beside the current one. */
  keptMax: number;
}

export interface RotatingFileStats {
  sizeBytes: number;
  /** By this process. */
  linesWritten: number;
  rotatedFiles: number;
  modifiedAt: Date | undefined;
}

/** Above this the disk cannot keep up, and lines are dropped rather than kept in memory. */
const WAITING_CHARACTERS_MAX = 8 * 1024 * 1024;

/** A file of lines that one process appends to. Writing never waits for the disk and never fails. */
export class RotatingFile {
  private waiting: string[] = [];
  private waitingCharacters = 0;
  private linesWritten = 0;
  private sizeBytes: number | undefined;
  private flushing: Promise<void> | undefined;

  constructor(
    readonly path: string,
    private readonly options: RotatingFileOptions,
    /** Called with what went wrong and how many lines it cost. */
    private readonly onLost: (lines: number, error?: unknown) => void,
  ) {}

  write(line: string): void {
    if (this.waitingCharacters + line.length > WAITING_CHARACTERS_MAX) return this.onLost(1);
    this.waiting.push(line);
    this.waitingCharacters += line.length;
    this.flushing ??= this.flush();
  }

  /** Resolves when everything that was written until now is in the file. */
  async flushed(): Promise<void> {
    await this.flushing;
  }

  async stats(): Promise<RotatingFileStats> {
    await this.flushed();
    const found = await stat(this.path).catch(() => undefined); // Nothing was written yet.
    const names = await readdir(dirname(this.path)).catch(() => []);
    return {
      sizeBytes: found?.size ?? 0,
      linesWritten: this.linesWritten,
      rotatedFiles: names.filter((name) => name.startsWith(`${basename(this.path)}.`)).length,
      modifiedAt: found?.mtime,
    };
  }

  private async flush(): Promise<void> {
    await Promise.resolve(); // Lets the lines of this tick join.
    while (this.waiting.length > 0) {
      const lines = this.waiting;
      this.waiting = [];
      this.waitingCharacters = 0;
      try {
        await this.append(lines.join(''));
        this.linesWritten += lines.length;
      } catch (error) {
        this.sizeBytes = undefined;
        this.onLost(lines.length, error);
      }
    }
    this.flushing = undefined;
  }

  private async append(text: string): Promise<void> {
    const bytes = Buffer.byteLength(text);
    this.sizeBytes ??= await this.open();
    if (this.sizeBytes > 0 && this.sizeBytes + bytes > this.options.bytesMax) await this.rotate();
    await appendFile(this.path, text);
    this.sizeBytes += bytes;
  }

  private async open(): Promise<number> {
    await mkdir(dirname(this.path), { recursive: true });
    const found = await stat(this.path).catch(() => undefined); // A new one.
    return found?.size ?? 0;
  }

  private async rotate(): Promise<void> {
    const numbered = (number: number) => join(dirname(this.path), `${basename(this.path)}.${number}`);
    await rm(numbered(this.options.keptMax), { force: true });
    for (let number = this.options.keptMax - 1; number >= 1; number -= 1) {
      await rename(numbered(number), numbered(number + 1)).catch(ignoreMissing);
    }
    if (this.options.keptMax > 0) await rename(this.path, numbered(1));
    else await rm(this.path);
    this.sizeBytes = 0;
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
