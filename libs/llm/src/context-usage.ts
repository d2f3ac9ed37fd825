import { AppError } from '@tollgate/contracts';

/** Per cent of the context length from which a prompt is warned about, logged as an error, refused. */
const WARNING_PERCENT = 80;
const ERROR_PERCENT = 95;
const REJECT_PERCENT = 100;

export interface ContextUsage {
  level: 'normal' | 'warning' | 'error' | 'exceeded';
  promptTokens: number;
  contextLength: number;
  /** Rounded to two decimals. */
  usagePercent: number;
}

export function contextUsage(promptTokens: number, contextLength: number): ContextUsage {
  const exact = (promptTokens / contextLength) * 100;
  const level =
    exact >= REJECT_PERCENT
      ? 'exceeded'
      : exact >= ERROR_PERCENT
        ? 'error'
        : exact >= WARNING_PERCENT
          ? 'warning'
          : 'normal';
  return { level, promptTokens, contextLength, usagePercent: Math.round(exact * 100) / 100 };
}

/** The refusal of a prompt that would be cut off, with the numbers a client needs to shorten it. `param` is the field it came in. */
export function contextLengthExceeded(model: string, usage: ContextUsage, param?: string): AppError {
  const { promptTokens, contextLength, usagePercent } = usage;
  const message = 'Input text is too long and would be truncated.';
  return new AppError('context_length_exceeded', message, {
    param,
    details: {
      error: 'context_length_exceeded',
      message,
      model,
      context_limit: contextLength,
      estimated_tokens: promptTokens,
      usage_percent: usagePercent,
    },
  });
}
