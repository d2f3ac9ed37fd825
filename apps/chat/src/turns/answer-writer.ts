import { AppError } from '@tollgate/contracts';
import type { AnswerAddress, AnswerEvents } from '../coordination/answer-events.js';

/** What may wait here when Redis is slower than the model. */
const PENDING_CHARACTERS_MAX = 64 * 1024;

/** Writes an answer to its events: one write under way at a time, and what comes meanwhile shares the next one. */
export class AnswerWriter {
  private pending = '';
  private written = '';
  private writing: Promise<void> | undefined;
  private error: AppError | undefined;
  private isStarted = false;

  constructor(
    private readonly events: AnswerEvents,
    private readonly address: AnswerAddress,
  ) {}

  /** All that was pushed. */
  get text(): string {
    return this.written + this.pending;
  }

  /** Once, however often a model is asked for this answer. */
  async start(): Promise<void> {
    if (this.isStarted) return;
    this.isStarted = true;
    await this.events.start(this.address);
  }

  /** Resolves when more can be taken. @throws whatever kept an earlier text from being written */
  async push(text: string): Promise<void> {
    if (this.error) throw this.error;
    // Postgres stores no NUL characters, and what was streamed must be what is stored.
    this.pending += text.replaceAll('\0', '');
    this.writing ??= this.write();
    if (this.pending.length > PENDING_CHARACTERS_MAX) await this.writing;
  }

  async flush(): Promise<void> {
    await this.writing;
    if (this.error) throw this.error;
  }

  private async write(): Promise<void> {
    try {
      while (this.pending !== '') {
        const text = this.pending;
        this.written += text;
        this.pending = '';
        await this.events.delta(this.address, this.written.length, text);
      }
    } catch (error) {
      this.error = AppError.fromUnknown(error);
    } finally {
      this.writing = undefined;
    }
  }
}
