import { Injectable, type LoggerService } from '@nestjs/common';
import pino, { stdTimeFunctions, type Logger as PinoLogger } from 'pino';
import { loggedError } from './logged-error.js';
import { currentRequest } from './request-context.js';
import { traceIdOf } from './trace.js';

const redactedPaths = [
  'authorization',
  'cookie',
  'password',
  'token',
  'refresh_token',
  'access_token',
  'api_key',
].flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);
const secretPattern = /\beyJ[\w-]+\.[\w-]+\.[\w-]+|\b(?:sk|tgr?)[-_][\w-]{16,}|(\w+:\/\/[^:/\s]*:)[^@/\s]+(?=@)/g;

/** Masks JWTs, API keys and passwords in URLs wherever they stand in a text. */
export function scrub(text: string): string {
  return text.replace(secretPattern, (_, urlPrefix?: string) => `${urlPrefix ?? ''}[redacted]`);
}

/** JSON lines on stdout; every line written while a request runs carries its ids. */
export function createLogger(app: string, level: string): PinoLogger {
  return pino({
    level,
    base: { app },
    timestamp: stdTimeFunctions.isoTime,
    redact: { paths: redactedPaths, censor: '[redacted]' },
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: loggedError },
    mixin: () => {
      const request = currentRequest();
      if (!request) return {};
      return {
        request_id: request.requestId,
        trace_id: traceIdOf(request.traceparent),
        account_id: request.caller?.account_id,
        user_id: request.caller?.user_id,
      };
    },
    hooks: {
      streamWrite: scrub,
    },
  });
}

export type Fields = Record<string, unknown>;

/** The logger that services inject, and that Nest itself writes to. */
@Injectable()
export class Logger implements LoggerService {
  constructor(private readonly pino: PinoLogger) {}

  debug(message: unknown, ...details: unknown[]): void {
    this.write('debug', message, details);
  }

  log(message: unknown, ...details: unknown[]): void {
    this.write('info', message, details);
  }

  warn(message: unknown, ...details: unknown[]): void {
    this.write('warn', message, details);
  }

  error(message: unknown, ...details: unknown[]): void {
    this.write('error', message, details);
  }

  fatal(message: unknown, ...details: unknown[]): void {
    this.write('fatal', message, details);
  }

  /** Ours: (message, fields). Nest's: (message, context) or (message, stack, context). */
  private write(level: 'debug' | 'info' | 'warn' | 'error' | 'fatal', message: unknown, details: unknown[]): void {
    const [first] = details;
    const fields: Fields = typeof first === 'object' && first !== null ? { ...first } : {};
    const context = details.at(-1);
    if (typeof context === 'string') fields['context'] = context;
    if (details.length > 1 && typeof first === 'string') fields['stack'] = first;
    if (message instanceof Error) this.pino[level]({ err: message, ...fields }, message.message);
    else this.pino[level](fields, typeof message === 'string' ? message : JSON.stringify(message));
  }
}
