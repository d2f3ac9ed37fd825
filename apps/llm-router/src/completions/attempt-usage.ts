import type { Usage } from '@tollgate/contracts';
import type { ReportedUsage } from '../providers/provider.js';

/** What we counted ourselves, for where the provider says nothing. */
export interface CountedUsage {
  input: number;
  output: number;
}

/**
 * The tokens of an attempt: the provider's own counts where it gave them, ours where it did not. One missing count makes
 * the whole row ours: `provider` is only said of what the provider said completely.
 */
export function attemptUsage(reported: ReportedUsage, counted: () => CountedUsage): Usage {
  const { input, cached = 0, output } = reported;
  if (input !== undefined && output) {
    return { input_tokens: input, cached_tokens: Math.min(cached, input), output_tokens: output, source: 'provider' };
  }
  const own = counted();
  // Nothing was written: then 0 is a count, else it is none.
  if (input !== undefined && output === 0 && own.output === 0) {
    return { input_tokens: input, cached_tokens: Math.min(cached, input), output_tokens: 0, source: 'provider' };
  }
  const inputTokens = input ?? own.input;
  return {
    input_tokens: inputTokens,
    cached_tokens: Math.min(cached, inputTokens),
    output_tokens: output || own.output,
    source: 'tokenizer',
  };
}
