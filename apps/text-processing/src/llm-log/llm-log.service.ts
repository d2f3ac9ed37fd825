import { join } from 'node:path';
import type { LogStats, Usage } from '@tollgate/contracts';
import { Logger } from '@tollgate/observability';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { formatLine, type LogLevel } from './log-line.js';
import { logLinesLost } from './metrics.js';
import { RotatingFile } from './rotating-file.js';

export const LLM_LOG_OPTIONS = Symbol('LlmLogOptions');

export interface LlmLogOptions {
  directory: string;
  bytesMax: number;
  keptMax: number;
  /** Writes prompts and answers to llm_debug.log. */
  withPrompts: boolean;
}

/** Whose call a line is about. */
export interface LogOrigin {
  requestId: string;
  userId: string;
}

export interface CallOutcome {
  task: string;
  model: string;
  status: 'success' | 'error';
  latencyMs: number;
  errorCode?: string;
  usage?: Usage;
}

const LOSS_WARNING_EVERY_MS = 60_000;

/** The same line among the structured logs. */
const methods = { DEBUG: 'debug', INFO: 'log', WARNING: 'warn', ERROR: 'error', CRITICAL: 'error' } as const;

/**
 * The four log files of the text-processing service: `llm_requests.log` (INFO and above), `llm_errors.log` (ERROR and above),
 * `llm_metrics.log` (one JSON object a call) and `llm_debug.log` (everything). A replica has a directory of its own.
 */
@Injectable()
export class LlmLog implements OnApplicationShutdown {
  private readonly requests: RotatingFile;
  private readonly errors: RotatingFile;
  private readonly metrics: RotatingFile;
  private readonly debug: RotatingFile;
  private lossWarnedAt = 0;

  constructor(
    @Inject(LLM_LOG_OPTIONS) private readonly options: LlmLogOptions,
    private readonly logger: Logger,
  ) {
    this.requests = this.file('llm_requests.log');
    this.errors = this.file('llm_errors.log');
    this.metrics = this.file('llm_metrics.log');
    this.debug = this.file('llm_debug.log');
  }

  /** `fields` must not hold text of a user: see {@link prompt}. */
  line(level: LogLevel, origin: LogOrigin, event: string, fields: Record<string, string | number>): void {
    const line = formatLine({ at: new Date(), level, ...origin, event, fields });
    this.debug.write(line);
    this.logger[methods[level]](event, fields);
    if (level === 'DEBUG') return;
    this.requests.write(line);
    if (level === 'ERROR' || level === 'CRITICAL') this.errors.write(line);
  }

  /** What was asked or answered, as JSON; nowhere unless it was switched on. */
  text(origin: LogOrigin, event: 'PROMPT' | 'OUTPUT', text: string): void {
    if (!this.options.withPrompts) return;
    this.debug.write(
      formatLine({ at: new Date(), level: 'DEBUG', ...origin, event, fields: { text: JSON.stringify(text) } }),
    );
  }

  call(origin: LogOrigin, { task, model, status, latencyMs, errorCode, usage }: CallOutcome): void {
    const outcome = { status, latency: `${latencyMs}ms`, model, task, ...(errorCode && { code: errorCode }) };
    if (status === 'success') this.line('INFO', origin, 'LLM_RESPONSE', outcome);
    else this.line('ERROR', origin, 'LLM_ERROR', outcome);
    const { requestId: request_id, userId: user_id } = origin;
    this.metrics.write(
      `${JSON.stringify({
        timestamp: new Date().toISOString(),
        request_id,
        user_id,
        task,
        model,
        status,
        latency_ms: latencyMs,
        error_code: errorCode,
        input_tokens: usage?.input_tokens,
        output_tokens: usage?.output_tokens,
      })}\n`,
    );
  }

  async stats(): Promise<LogStats> {
    const files = [this.requests, this.errors, this.metrics, this.debug];
    const entries = files.map(async (file) => {
      const { sizeBytes, linesWritten, rotatedFiles, modifiedAt } = await file.stats();
      const stats = {
        size_bytes: sizeBytes,
        lines_written: linesWritten,
        rotated_files: rotatedFiles,
        modified_at: modifiedAt?.toISOString() ?? null,
      };
      return [file.path.slice(this.options.directory.length + 1), stats] as const;
    });
    return { files: Object.fromEntries(await Promise.all(entries)) };
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.requests, this.errors, this.metrics, this.debug].map((file) => file.flushed()));
  }

  private file(name: string): RotatingFile {
    return new RotatingFile(join(this.options.directory, name), this.options, (lines, error) => {
      logLinesLost.inc({ file: name }, lines);
      if (Date.now() - this.lossWarnedAt < LOSS_WARNING_EVERY_MS) return;
      this.lossWarnedAt = Date.now();
      this.logger.warn('lines of a log file are lost', { file: name, err: error });
    });
  }
}
